"""The rules of a listener, translated for a proxy. Pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

import re
from collections.abc import Mapping
from typing import Any


def groups_of(action: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return the target groups that an action forwards to, with their weights."""
    if action.get("Type") not in (None, "forward"):
        return []
    several = (action.get("ForwardConfig") or {}).get("TargetGroups") or [action]
    named = [(str(one.get("TargetGroupArn") or ""), int(one.get("Weight") or 1)) for one in several]
    return [(group, weight) for group, weight in named if group]


def expression(pattern: str) -> str:
    """Return a regular expression that matches the whole text by a pattern with * and ?."""
    parts = {"*": ".*", "?": "."}
    return "^" + "".join(parts.get(letter) or re.escape(letter) for letter in pattern) + "$"
