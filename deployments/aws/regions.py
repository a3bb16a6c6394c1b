"""The regions of AWS: the partition of each, and how the ARNs of its resources begin.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
)


def partition(region: str) -> str:
    """Return the partition of a region, as in the ARNs of its resources."""
    return next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")


def arn_beginning(arn: str, region: str) -> str:
    """Return how an ARN of the same service begins in a region."""
    service = [*arn.split(":", 3), "", ""][2]
    return f"arn:{partition(region)}:{service}:{region}:"
