"""What CloudFormation's pre-deployment validation found in a change set and in those of nested stacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html: syntax of
properties and taken names fail a change set, quotas and buckets that are not empty only warn. The checks
leave out many types, among them roles, security groups, databases and associations.
"""

from __future__ import annotations

WARNING = "validation.warning"
"""The code of the event about a finding that fails no change set."""
UNREAD = "validation.unread"
"""The code of the event about findings that AWS does not let the portal read."""


def place(path: str, property_path: str) -> str:
    """Return a resource with its stacks, and the property in it, for a sentence.

    `path` has the logical ids below the root stack, `property_path` is a path in the template of its stack,
    such as /Resources/Vpc/Properties/CidrBlock.
    """
    inside = property_path.removeprefix(f"/Resources/{path.rpartition('/')[2]}").strip("/")
    return path.replace("/", " ▸ ") + (f", {inside}" if inside else "")
