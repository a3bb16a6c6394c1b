"""Patterns of ARNs in policies, as IAM matches them."""

from typing import Final

# The resource part of these begins with a name, such as that of a bucket.
_WITHOUT_TYPES: Final = ("s3", "sns", "sqs", "apigateway")


def has_wildcard_type(pattern: str) -> bool:
    """Return whether a pattern has a wildcard in place of a resource type, which matches nothing.

    "arn:aws:rds:*:123456789012:*:sanso-*" is such a pattern; "arn:aws:rds:*:123456789012:*" matches all.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    parts = pattern.split(":", 5)
    if len(parts) < 6 or parts[2] in _WITHOUT_TYPES:
        return False
    resource = parts[5]
    end = min((at for at in (resource.find(":"), resource.find("/")) if at >= 0), default=-1)
    return end >= 0 and any(wildcard in resource[:end] for wildcard in "*?")
