"""The resource half of the sandbox, through boto3 against a real process."""
