"""The regions of AWS: the partition of each, how the ARNs of its resources begin, and its console.

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

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def console_page(region: str, path: str) -> str:
    """Return the address of a page of the console in a region; "" where its partition's is not known."""
    domain = _CONSOLES.get(partition(region))
    return f"https://{region}.{domain}/{path}?region={region}" if domain else ""


def partition(region: str) -> str:
    """Return the partition of a region, as in the ARNs of its resources."""
    return next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")


def arn_beginning(arn: str, region: str) -> str:
    """Return how an ARN of the same service begins in a region."""
    service = [*arn.split(":", 3), "", ""][2]
    return f"arn:{partition(region)}:{service}:{region}:"
