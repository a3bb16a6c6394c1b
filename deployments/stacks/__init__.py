"""A deployment while CloudFormation works on it.

Its stacks, resources and events, how far it is, and when it will end.
"""
