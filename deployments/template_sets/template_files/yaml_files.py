"""Read template files with limits into plain values with their positions: YAML with short tags, or JSON.

Templates may have 1 MB (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
cloudformation-limits.html). Depth, nodes and aliases are limited as well, since a few bytes of YAML can
expand to millions of nodes. Any file is either read or rejected: values are built here and not by PyYAML's
constructors, which fail in many ways on wrong tags.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_NUMBER = 40
"""Maximum length of a number. Long ones in base 60, such as `1:1:1`, take quadratic time."""
# libyaml's parser is ten times as fast; PyYAML's wheels have it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SCALARS = yaml.constructor.SafeConstructor()
_STANDARD = "tag:yaml.org,2002:"
_KINDS = {yaml.MappingNode: "map", yaml.SequenceNode: "seq", yaml.ScalarNode: "str"}
"""The type of a short tag's value: in `!Ref 1`, the name is the text "1"."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""Characters that XML and databases do not allow; in YAML, only escapes can contain them."""


def read(path: Path) -> dict[str, Any]:
    """Return the content of a file as plain values; the keys of every mapping are strings.

    Raise UserFixable if it is too large, not YAML or JSON, or not a mapping.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise _broken(path, exc.strerror or "it cannot be opened") from exc
    if len(text) > MAX_BYTES:
        raise _broken(path, f"it has {len(text):,} bytes, and CloudFormation allows {MAX_BYTES:,}")
    try:
        _check_size(text)
        node = yaml.compose(text, Loader=_LOADER)
        content = None if node is None else _value(node)
    except (yaml.YAMLError, ValueError) as exc:
        raise _broken(path, " ".join(str(exc).split())) from exc
    if not isinstance(content, dict):
        raise _broken(path, "it is not a mapping")
    return content


def _check_size(text: bytes) -> None:
    """Raise YAMLError if the text is nested too deeply, has too many nodes, or an alias."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise _problem(event, "aliases are not used in CloudFormation templates")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
        if depth > MAX_DEPTH:
            raise _problem(event, f"it is nested deeper than {MAX_DEPTH} levels")
        if nodes > MAX_NODES:
            raise _problem(event, f"it has more than {MAX_NODES:,} nodes")


def _value(node: yaml.Node) -> Any:
    """Return the value of a node. Raise YAMLError or ValueError if it is invalid."""
    if not node.tag.startswith("!"):
        return _untagged(node, node.tag.removeprefix(_STANDARD))
    name = node.tag[1:]
    if name == "GetAtt" and isinstance(node, yaml.ScalarNode):
        return {"Fn::GetAtt": _text(node).split(".", 1)}
    value = _untagged(node, _KINDS[type(node)])
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


def _untagged(node: yaml.Node, kind: str) -> Any:
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(item) for item in node.value]
    if isinstance(node, yaml.ScalarNode) and kind not in ("map", "seq"):
        return _scalar(node, kind)
    raise _problem(node, f"a value of the type {kind} is not used in CloudFormation templates")


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag.startswith("!"):
            raise _problem(key, "a key must be a text")
        name = _text(key)
        if name in found:
            raise _problem(key, f"the key {name} occurs twice")
        found[name] = _value(value)
    return found


def _scalar(node: yaml.ScalarNode, kind: str) -> Any:
    text = _text(node)
    if kind == "null":
        return None
    if kind in ("str", "timestamp"):  # AWSTemplateFormatVersion: 2010-09-09
        return text
    if len(text) > MAX_NUMBER:
        raise _problem(node, f"{text[:40]}… is too long for a value of the type {kind}")
    try:
        if kind == "bool":
            return _SCALARS.construct_yaml_bool(node)
        if kind == "int":
            return _SCALARS.construct_yaml_int(node)
        if kind == "float":
            return _SCALARS.construct_yaml_float(node)
    except (ValueError, LookupError) as exc:
        raise _problem(node, f"{text[:40]} is not of the type {kind}") from exc
    raise _problem(node, f"a value of the type {kind} is not used in CloudFormation templates")


def _text(node: yaml.ScalarNode) -> str:
    text = str(node.value)
    if found := _CONTROL.search(text):
        raise _problem(node, f"the character U+{ord(found[0]):04X} is not used in CloudFormation templates")
    return text


def _problem(at: yaml.Node | yaml.Event, why: str) -> yaml.YAMLError:
    return yaml.YAMLError(f"{why}, in line {at.start_mark.line + 1}" if at.start_mark else why)


def _broken(path: Path, why: str) -> UserFixable:
    return UserFixable("TemplateSetBroken", Code.FILE_UNREADABLE, file=path.name, why=why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A value and its position: the file's name, and its keys separated by dots.

    Every method raises UserFixable if the value does not have the required type. A missing or null value is
    an empty mapping, list or text, or None as a number.
    """

    file: str
    place: str
    value: Any

    def get(self, key: str) -> Checked:
        """Return the value of a key of this mapping."""
        place = f"{self.place}.{key}" if self.place else key
        return Checked(file=self.file, place=place, value=self._mapping().get(key))

    def items(self) -> Iterator[tuple[str, Checked]]:
        """Yield the keys of this mapping with their values."""
        for key in self._mapping():
            yield key, self.get(key)

    def list(self) -> list[Checked]:
        """Return the items of this list."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.broken(Code.NOT_A_LIST)
        return [
            Checked(file=self.file, place=f"{self.place}[{number}]", value=item)
            for number, item in enumerate(self.value)
        ]

    def text(self) -> str:
        """Return this value as CloudFormation interprets it: YAML's true is the text `true`."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if self.value is None or isinstance(self.value, str | int | float):
            return "" if self.value is None else str(self.value)
        raise self.broken(Code.NOT_A_STRING)

    def whole_number(self) -> int | None:
        """Return this value, which may be written as a text."""
        try:
            return None if self.value is None else int(self.text())
        except ValueError:
            raise self.broken(Code.NOT_AN_INTEGER) from None

    def number(self) -> float | None:
        """Return this value, which may be written as a text; never infinite."""
        try:
            found = None if self.value is None else float(self.text())
        except ValueError:
            found = math.nan
        if found is not None and not math.isfinite(found):
            raise self.broken(Code.NOT_A_NUMBER)
        return found

    def _mapping(self) -> dict[str, Any]:
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise self.broken(Code.NOT_A_MAPPING)
        return self.value

    def broken(self, code: Code, **params: object) -> UserFixable:
        """Return the error about this value."""
        return UserFixable("TemplateSetBroken", code, "", file=self.file, place=self.place, **params)
