"""The templates that are deployed.

Where they come from, their versions, and the channel that an environment follows.
"""
