"""Out of a deployment or a failure.

Cancel, roll back, continue a rollback, adopt drift, delete, and what remains in AWS.
"""
