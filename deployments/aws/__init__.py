"""The gateways to AWS: one module per service; they return frozen dataclasses and raise AwsFailure."""
