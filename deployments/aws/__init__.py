"""The gateways to AWS: one module a service, frozen dataclasses out, our errors up. Only here is boto3."""
