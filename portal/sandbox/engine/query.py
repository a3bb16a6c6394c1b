"""Requests and answers of AWS's query protocol: members and filters in, nested XML out."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from portal.sandbox.engine.registry import Parameters, Record


def value(parameters: Parameters, name: str, default: str = "") -> str:
    """Read one parameter, which arrives as a string or as a list of one."""
    found = parameters.get(name, default)
    if isinstance(found, list):
        found = found[0] if found else default
    return str(found)


def members(parameters: Parameters, prefix: str) -> list[str]:
    """Read a list: Prefix.member.1 as ELB, Auto Scaling and RDS spell it, Prefix.1 as EC2 does."""
    numbered = re.compile(rf"^{re.escape(prefix)}\.(?:member\.)?(\d+)$")
    found = [(int(match[1]), name) for name in parameters if (match := numbered.match(name))]
    return [value(parameters, name) for _number, name in sorted(found)]


def structures(parameters: Parameters, prefix: str) -> list[dict[str, str]]:
    """Read a list of flat structures: Prefix.member.1.Key, Prefix.member.1.Value and so on."""
    numbered = re.compile(rf"^{re.escape(prefix)}\.(?:member\.)?(\d+)\.(.+)$")
    rows: dict[int, dict[str, str]] = {}
    for name in parameters:
        if match := numbered.match(name):
            rows.setdefault(int(match[1]), {})[match[2]] = value(parameters, name)
    return [rows[number] for number in sorted(rows)]


def filters(parameters: Parameters) -> dict[str, list[str]]:
    """Read EC2's Filter.N.Name and Filter.N.Value.M."""
    found: dict[str, list[str]] = {}
    for row in structures(parameters, "Filter"):
        name = row.get("Name", "")
        values = [text for key, text in row.items() if key.startswith("Value")]
        if name:
            found[name] = values
    return found


def matches(
    wanted: Mapping[str, Iterable[str]], have: Mapping[str, str | list[str]], tags: list[Record]
) -> bool:
    """Return whether a resource passes every filter; values may hold * and ?, as EC2 allows.

    Args:
        have: the resource's value or values under each filter name.
        tags: the resource's tags, for tag:Key, tag-key and tag-value.

    Raises KeyError with the filter's name when the resource knows no such filter.
    """
    tagged: dict[str, str | list[str]] = {f"tag:{tag['Key']}": str(tag.get("Value", "")) for tag in tags}
    tagged["tag-key"] = [tag["Key"] for tag in tags]
    tagged["tag-value"] = [str(tag.get("Value", "")) for tag in tags]
    for name, patterns in wanted.items():
        found = tagged.get(name, []) if name.startswith("tag") else have[name]
        candidates = found if isinstance(found, list) else [found]
        if not any(fnmatch.fnmatchcase(text, pattern) for text in candidates for pattern in patterns):
            return False
    return True


def xml(content: Any, item: str = "member") -> str:
    """Format nested dictionaries and lists as XML; None is left out, a list's elements are called item."""
    if isinstance(content, dict):
        return "".join(
            f"<{key}>{xml(part, item)}</{key}>" for key, part in content.items() if part is not None
        )
    if isinstance(content, list | tuple):
        return "".join(f"<{item}>{xml(part, item)}</{item}>" for part in content)
    if isinstance(content, bool):
        return str(content).lower()
    return escape(str(content))
