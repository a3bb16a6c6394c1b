"""What AWS publishes about permissions: those of CloudFormation's handlers, and the authorization reference.

`make check-roles` compares the roles in account.yaml with the same data.
"""
