"""Template files: YAML with CloudFormation's short tags, or JSON, read with limits.

A template may be 1 MB (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
cloudformation-limits.html); aliases and depth are limited as well, since a few bytes of YAML can stand
for millions of nodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deployments.errors import N_, UserFixable

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_NODES = 200_000


class _Loader(yaml.SafeLoader):
    """SafeLoader that knows CloudFormation's tags, refuses duplicate keys and counts what it builds."""

    nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node; more than MAX_NODES, or an alias, is refused."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise yaml.YAMLError("the file has too many nodes")
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not used in CloudFormation templates")
        return super().compose_node(parent, index)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.YAMLError(f"the key {min(map(str, twice))} stands twice{node.start_mark}")
    return {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = node.value.split(".", 1) if suffix == "GetAtt" else node.value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = _mapping(loader, node)  # type: ignore[arg-type]
    return {name: value}


def _date_as_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date_as_text)  # AWSTemplateFormatVersion: 2010-09-09
_Loader.add_multi_constructor("!", _tag)


def read(path: Path) -> dict[str, Any]:
    """Return what the file says, as plain values.

    Raises UserFixable when it is too large, not YAML or JSON, or not a mapping.
    """
    text = path.read_bytes()
    if len(text) > MAX_BYTES:
        raise _broken(path, f"it has {len(text):,} bytes, and CloudFormation takes {MAX_BYTES:,}")
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as exc:
        raise _broken(path, " ".join(str(exc).split()) or "it is nested too deeply") from exc
    if not isinstance(content, dict):
        raise _broken(path, "it is not a mapping")
    return content


def _broken(path: Path, why: str) -> UserFixable:
    return UserFixable("TemplateSetBroken", N_("%(file)s cannot be read: %(why)s."), file=path.name, why=why)
