"""How CloudFormation works.

What its statuses mean and allow, what templates say, what a change set changes. Nothing is read or written.
"""
