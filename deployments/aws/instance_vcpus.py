"""The vCPUs of an instance type that the quota of running On-Demand Standard instances counts."""

from __future__ import annotations

import re
from typing import Final

STANDARD: Final = frozenset("acdhimrtz")
"""The families of the quota, by the first letter:
https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html"""
_OTHERS: Final = ("inf", "trn", "dl", "hpc", "mac")
"""Families with quotas of their own that begin with a letter of STANDARD, or would."""
_METAL: Final = 96


def standard_vcpus(instance_type: str) -> int:
    """Return the number of vCPUs by AWS's naming of sizes, 0 for types of another quota.

    Burstable types have two vCPUs up to large, others one below large; metal counts as a large one.
    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html
    """
    family, _dot, size = instance_type.partition(".")
    if not size or family[0] not in STANDARD or family.startswith(_OTHERS):
        return 0
    if found := re.fullmatch(r"(?:metal-)?(\d*)xl(?:arge)?", size):
        return 4 * int(found[1] or 1)
    if size.startswith("metal"):
        return _METAL
    return 2 if size == "large" or family.startswith("t") else 1
