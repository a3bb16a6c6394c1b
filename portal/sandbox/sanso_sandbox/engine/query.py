"""Requests and responses of AWS's query protocol: lists and filters in requests, nested XML in responses."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sanso_sandbox.engine.registry import Parameters, Record


def value(parameters: Parameters, name: str, default: str = "") -> str:
    """Return a parameter, which is a string or a list of one."""
    found = parameters.get(name, default)
    if isinstance(found, list):
        found = found[0] if found else default
    return str(found)


def members(parameters: Parameters, prefix: str) -> list[str]:
    """Return a list: Prefix.member.1 in ELB, Auto Scaling and RDS, Prefix.1 in EC2."""
    numbered = re.compile(rf"^{re.escape(prefix)}\.(?:member\.)?(\d+)$")
    found = [(int(match[1]), name) for name in parameters if (match := numbered.match(name))]
    return [value(parameters, name) for _number, name in sorted(found)]


def structures(parameters: Parameters, prefix: str) -> list[dict[str, str]]:
    """Return a list of flat structures: Prefix.member.1.Key, Prefix.member.1.Value and so on."""
    numbered = re.compile(rf"^{re.escape(prefix)}\.(?:member\.)?(\d+)\.(.+)$")
    rows: dict[int, dict[str, str]] = {}
    for name in parameters:
        if match := numbered.match(name):
            rows.setdefault(int(match[1]), {})[match[2]] = value(parameters, name)
    return [rows[number] for number in sorted(rows)]


def filters(parameters: Parameters) -> dict[str, list[str]]:
    """Return EC2's filters: Filter.N.Name and Filter.N.Value.M."""
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
    """Return whether a resource matches every filter; values may contain * and ?, as in EC2.

    Args:
        have: the resource's value or values for each filter name.
        tags: the resource's tags, for tag:Key, tag-key and tag-value.

    Raises KeyError with the filter's name if the resource does not support it.
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
    """Return nested dictionaries and lists as XML, without None; `item` is the name of list elements."""
    if isinstance(content, dict):
        return "".join(
            f"<{key}>{xml(part, item)}</{key}>" for key, part in content.items() if part is not None
        )
    if isinstance(content, list | tuple):
        return "".join(f"<{item}>{xml(part, item)}</{item}>" for part in content)
    if isinstance(content, bool):
        return str(content).lower()
    return escape(str(content))
