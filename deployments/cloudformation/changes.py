"""The changes of a change set to all stacks of an environment, as they are stored and shown.

The fields are those of DescribeChangeSet with property values, over the root change set and the nested ones:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html.
Their effects are determined in a separate module.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from deployments.cloudformation.nested_templates import STACK

FORMAT = 1
KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""Placeholder within a value for parts that CloudFormation knows only after the execution."""
_PLACEHOLDER = "{{IntrinsicFunction:"
_MASK = "****"


class Action(StrEnum):
    """What happens to a resource; REPLACE is a Modify whose Replacement is True."""

    ADD = "add"
    MODIFY = "modify"
    REPLACE = "replace"
    REMOVE = "remove"
    IMPORT = "import"
    DYNAMIC = "dynamic"


class Effect(StrEnum):
    """The effect of a change for an operator, the most serious first."""

    DELETES_DATA = "deletes_data"
    MAY_DELETE_DATA = "may_delete_data"
    REPLACED = "replaced"
    REMOVED = "removed"
    MAY_BE_REPLACED = "may_be_replaced"
    UPDATED = "updated"
    ADDED = "added"
    IMPORTED = "imported"
    UNCHANGED = "unchanged"  # probably: CloudFormation lists it only because of values it does not know yet
    STACK = "stack"  # a nested stack: the changes are in it


class LinkKind(StrEnum):
    """What one link of a causing chain is."""

    PARAMETER = "parameter"  # of the root stack: a person changed its value
    DEFAULT = "default"  # of the root stack: the template set has a new default
    OUTSIDE = "outside"  # of the root stack: set outside of Sanso, and undone
    TEMPLATE = "template"  # the text of a template changed
    STACK = "stack"  # it passes through this nested stack
    RESOURCE = "resource"  # a resource that changes
    UNKNOWN = "unknown"  # CloudFormation names it, and its origin is not in the templates


class _Stored:
    """Reading and writing of the dataclasses below as JSON; default values are left out."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        found: dict[str, Any] = {}
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, one.name)
            default = one.default_factory() if one.default_factory is not MISSING else one.default
            if value != default:
                found[one.name] = _plain(value)
        return found

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read the output of `to_json`. Fields of a newer version of Sanso are ignored."""
        given = stored if isinstance(stored, Mapping) else {}
        names = {one.name for one in fields(cls)}  # type: ignore[arg-type]  # every subclass is a dataclass
        return cls(
            **{name: _READERS.get(name, _same)(value) for name, value in given.items() if name in names}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseLink(_Stored):
    """One link of a causing chain. `name` is a parameter, a template's file, or a path below the root."""

    kind: str
    name: str = ""
    effect: str = ""

    @property
    def label(self) -> str:
        """Return the last part of a path."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedProperty(_Stored):
    """One detail of a change. Values are None where CloudFormation has none; they may be truncated by AWS."""

    name: str = ""
    attribute: str = "Properties"
    path: str = ""
    before: str | None = None
    after: str | None = None
    recreation: str = "Never"
    evaluation: str = "Static"
    source: str = ""
    cause: str = ""
    because: tuple[CauseLink, ...] = ()
    likely_same: bool = False
    """CloudFormation lists it only because of a value not known yet, which is probably unchanged."""

    @property
    def label(self) -> str:
        """Return the property's name with its path, or the attribute if it is not a property."""
        inner = self.path.removeprefix("/Properties/")
        return inner or self.name or self.attribute

    @property
    def is_secret(self) -> bool:
        """Return whether the values are masked: they come from a NoEcho parameter."""
        return _MASK in (self.before or "") or _MASK in (self.after or "")

    @property
    def is_known(self) -> bool:
        """Return whether the value after the change is known before the execution."""
        return not is_unknown(self.after)


def is_unknown(value: str | None) -> bool:
    """Return whether a value or a part of it is known only after the execution."""
    return value is not None and (KNOWN_AFTER_APPLY in value or _PLACEHOLDER in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedResource(_Stored):
    """The change of one resource. `path` has the logical ids below the root stack.

    CloudFormation does not report `effect`, `data` (the kind of data in it, "" for none) and `unchanged` (the
    names of the unchanged resources that it uses, if it is probably unchanged): Sanso adds them.
    """

    path: str
    action: str
    type: str = ""
    physical_id: str = ""
    replacement: str = ""
    policy_action: str = ""
    scope: tuple[str, ...] = ()
    properties: tuple[ChangedProperty, ...] = ()
    effect: str = Effect.UPDATED.value
    data: str = ""
    unchanged: tuple[CauseLink, ...] = ()

    @property
    def name(self) -> str:
        """Return the logical id."""
        return self.path.rpartition("/")[2]

    @property
    def stack(self) -> str:
        """Return the path of its stack, "" for the root."""
        return self.path.rpartition("/")[0]

    @property
    def stays_probably(self) -> bool:
        """Return whether it is listed only for values not known yet; never for data-bearing resources."""
        properties = self.properties
        return (
            self.effect == Effect.UPDATED and bool(properties) and all(one.likely_same for one in properties)
        )

    @property
    def is_probably_in_place(self) -> bool:
        """Return whether it is replaced only if a value changes that is not known yet, and probably stays."""
        return self.effect == Effect.UPDATED and self.replacement == "Conditional"

    @property
    def is_stack(self) -> bool:
        """Return whether it is a nested stack."""
        return self.type == STACK


_RESOURCE_FIELDS = ("path", "action", "type", "physical_id", "replacement", "policy_action")
_PROPERTY_FIELDS = (
    "attribute", "name", "path", "before", "after", "recreation", "evaluation", "source", "cause",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(_Stored):
    """All changes of a change set, in the order of the stacks, with their sources.

    `computed` are the paths of the stacks whose change sets were read, `files` the template of each. With
    `root_only`, CloudFormation could not compute the nested ones; `root_only_reason` is its reason.
    """

    resources: tuple[ChangedResource, ...] = ()
    computed: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    template_digest: str = ""
    root_only: bool = False
    root_only_reason: str = ""
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """Return the digest of what CloudFormation reports; what Sanso derives from it is not included."""
        identity = [
            [getattr(one, name) for name in _RESOURCE_FIELDS]
            + [[getattr(detail, name) for name in _PROPERTY_FIELDS] for detail in one.properties]
            for one in self.resources
        ]
        text = json.dumps([self.template_digest, identity], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def action_of(action: str, replacement: str) -> str:
    """Return the Action for a ChangeAction and a Replacement of CloudFormation."""
    if action == "Modify" and replacement == "True":
        return Action.REPLACE.value
    # SyncWithActual belongs to drift-aware change sets: the resource itself does not change.
    return {
        "Add": Action.ADD,
        "Remove": Action.REMOVE,
        "Import": Action.IMPORT,
        "Dynamic": Action.DYNAMIC,
    }.get(action, Action.MODIFY).value


def _plain(value: Any) -> Any:
    if isinstance(value, _Stored):
        return value.to_json()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _same(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _links(value: Any) -> tuple[CauseLink, ...]:
    return tuple(map(CauseLink.from_json, _listed(value)))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


_READERS: Mapping[str, Any] = {
    "resources": lambda value: tuple(map(ChangedResource.from_json, _listed(value))),
    "properties": lambda value: tuple(map(ChangedProperty.from_json, _listed(value))),
    "because": _links,
    "unchanged": _links,
}
