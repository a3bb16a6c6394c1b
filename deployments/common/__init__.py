"""What every part needs and that knows nothing of deployments.

Errors, message codes and their texts, encryption, lists and times on pages.
"""
