"""The effect of a change on running servers: none, a code release, a disruptive release, or replacement.

A template set declares the artifacts of a release (`release` in its manifest). The kind follows from the
files of these artifacts that differ between the two sets, and from CloudFormation's changes of the servers'
group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Self

from deployments.cloudformation.changes import ChangedResource, Changes, Effect
from deployments.cloudformation.conditions import mapping
from deployments.cloudformation.nested_templates import TemplateStack
from deployments.cloudformation.observed_resources import GROUP
from deployments.cloudformation.resource_policies import ROLLS, Method, ServerUpdate, server_update
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.rules.stored_messages import read_message

LISTED = 20
"""Maximum number of differing files stored with a release."""


class ReleaseKind(StrEnum):
    """What a release does to a running server, the mildest first."""

    NONE = "none"  # running servers do not change
    CODE = "code"  # unpacked beside the old code, then workers switch one by one: the port never closes
    DISRUPTIVE = "disruptive"  # the server may not serve during it, so it leaves its target groups first
    REPLACEMENT = "replacement"  # CloudFormation replaces the servers by the group's update policy


PHASED = frozenset({ReleaseKind.CODE, ReleaseKind.DISRUPTIVE})
"""The kinds that are installed on the servers one by one, before the stacks change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRule:
    """A manifest's declaration. `servers` is the path of the nested stack with the servers' group.

    `artifacts` are the keys of a release's artifacts; `code` are patterns of file names in them whose change
    is a code release.
    """

    artifacts: tuple[str, ...]
    servers: str
    code: tuple[str, ...] = ()

    def is_code(self, name: str) -> bool:
        """Return whether a file in the artifacts is code; `*` in a pattern also matches slashes."""
        return any(fnmatchcase(name, pattern) for pattern in self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release of a change: its kind, the reason, the first differing files, and the number of servers.

    `stack` is the path of the servers' stack; `interrupts`: no server is in service for a while.
    """

    kind: ReleaseKind
    reason: Message
    stack: str = ""
    files: tuple[str, ...] = ()
    number: int = 0
    servers: int | None = None
    interrupts: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        return {
            "kind": str(self.kind),
            "reason": self.reason.as_json(),
            "stack": self.stack,
            "files": list(self.files),
            "number": self.number,
            "servers": self.servers,
            "interrupts": self.interrupts,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self | None:
        """Read the output of `to_json`; return None for a preview of an earlier version of Sanso."""
        if not isinstance(stored, Mapping) or stored.get("kind") not in list(ReleaseKind):
            return None
        servers = stored.get("servers")
        return cls(
            kind=ReleaseKind(stored["kind"]),
            reason=read_message(stored.get("reason")) or Message(Code.RELEASE_NO_FILES),
            stack=str(stored.get("stack") or ""),
            files=tuple(map(str, stored.get("files") or ())),
            number=int(stored.get("number") or 0),
            servers=servers if isinstance(servers, int) else None,
            interrupts=bool(stored.get("interrupts")),
        )


def release_of(
    rule: ReleaseRule | None,
    differing: Collection[str] | None,
    changes: Changes,
    stacks: Mapping[str, TemplateStack],
) -> Release | None:
    """Return the release of a change; None if its template set declares none.

    `differing` are the names of the differing files in the rule's artifacts, None if they are not known;
    `stacks` are those of the new template set, by their path.
    """
    if rule is None:
        return None
    group = _group(rule, changes)
    update = _update(rule, stacks)
    kind, reason = _of_files(rule, differing)
    replaced = _replacement(group, update) if group else None
    # Servers that may be replaced get the version first: CloudFormation knows only later whether it does.
    is_certain = replaced is not None and replaced.code is not Code.RELEASE_GROUP_MAY_BE_REPLACED
    if replaced is not None and (is_certain or kind is ReleaseKind.NONE):
        return Release(
            kind=ReleaseKind.REPLACEMENT,
            reason=replaced,
            stack=rule.servers,
            servers=update.capacity,
            interrupts=update.interrupts and replaced.code is not Code.RELEASE_GROUP_CREATED,
        )
    return Release(
        kind=kind,
        reason=reason,
        stack=rule.servers,
        files=tuple(sorted(differing or ())[:LISTED]),
        number=len(differing or ()),
        servers=update.capacity,
        interrupts=kind is ReleaseKind.DISRUPTIVE and update.capacity == 1,
    )


def _of_files(rule: ReleaseRule, differing: Collection[str] | None) -> tuple[ReleaseKind, Message]:
    if differing is None:
        return ReleaseKind.DISRUPTIVE, Message(Code.RELEASE_SET_UNKNOWN)
    if not differing:
        return ReleaseKind.NONE, Message(Code.RELEASE_NO_FILES)
    others = sorted(name for name in differing if not rule.is_code(name))
    if not others:
        return ReleaseKind.CODE, Message(Code.RELEASE_CODE, {"count": str(len(differing))})
    values = {"file": others[0], "count": str(len(others))}
    return ReleaseKind.DISRUPTIVE, Message(Code.RELEASE_DISRUPTIVE, values)


def _group(rule: ReleaseRule, changes: Changes) -> ChangedResource | None:
    """Return the change of the servers' group, the old one if it gets a new name; None without a change."""
    found = [one for one in changes.resources if one.type == GROUP and one.stack == rule.servers]
    return min(found, key=lambda one: one.effect == Effect.ADDED, default=None)


def _update(rule: ReleaseRule, stacks: Mapping[str, TemplateStack]) -> ServerUpdate:
    stack = stacks.get(rule.servers)
    if stack is None:
        return ServerUpdate(method=Method.UNKNOWN)
    bodies = (mapping(body) for body in stack.resources.values())
    found = next((body for body in bodies if body.get("Type") == GROUP), {})
    return server_update(found, stack.scope)


def _replacement(group: ChangedResource, update: ServerUpdate) -> Message | None:
    """Return why CloudFormation replaces the servers; None if running ones stay."""
    values = {"group": group.path}
    if group.effect == Effect.ADDED:
        return Message(Code.RELEASE_GROUP_CREATED, values)
    if group.effect in (Effect.REMOVED, Effect.REPLACED, Effect.DELETES_DATA):
        return Message(Code.RELEASE_GROUP_REPLACED, values)
    if group.effect in (Effect.MAY_BE_REPLACED, Effect.MAY_DELETE_DATA):
        return Message(Code.RELEASE_GROUP_MAY_BE_REPLACED, values)
    rolling = _rolling(group.properties)
    if not rolling or update.method is Method.NONE:
        return None
    return Message(Code.RELEASE_GROUP_ROLLS, values | {"properties": ", ".join(rolling)})


def _rolling(properties: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(one.name for one in properties if one.name in ROLLS and not one.likely_same))
