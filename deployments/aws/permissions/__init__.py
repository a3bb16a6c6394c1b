"""The IAM permissions that calls and CloudFormation's handlers need, from AWS's own reference."""
