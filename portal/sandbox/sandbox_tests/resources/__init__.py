"""Tests of the sandbox's resources through boto3 against a running process."""
