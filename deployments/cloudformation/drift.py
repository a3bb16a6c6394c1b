"""Whether a stack was changed outside of Sanso, and what a change undoes of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from deployments.cloudformation.status import is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundValue:
    """A parameter of the root stack whose value in AWS (`now`) is not that of the last good deployment.

    `after` is the value after the change. `is_outside`: no deployment of Sanso set the value; otherwise it is
    from one that has changed the stacks and then failed.
    """

    name: str
    deployed: str
    now: str
    after: str
    is_outside: bool = True

    @property
    def is_undone(self) -> bool:
        """Return whether the change sets another value than AWS has."""
        return self.after != self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundState:
    """What AWS has and the last good deployment had not, when a preview was computed.

    `template_digest` is that of a template set with the templates that AWS has, "" if they are those of the
    last good deployment, and None if they cannot be read as a set. `undone` are the names of the templates
    that were changed outside and that the change replaces; `is_outside`: AWS has templates that Sanso did not
    deploy.
    """

    values: tuple[FoundValue, ...] = ()
    template_digest: str | None = ""
    undone: tuple[str, ...] = ()
    is_outside: bool = False

    def __bool__(self) -> bool:
        """Return whether AWS has anything else."""
        return bool(self.values) or self.template_digest != "" or self.is_outside

    @property
    def returning(self) -> frozenset[str]:
        """Return the names of the outside values that the change sets back to what Sanso deployed last."""
        return frozenset(
            one.name for one in self.values if one.is_outside and one.is_undone and one.after == one.deployed
        )

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        values = [[one.name, one.deployed, one.now, one.after, one.is_outside] for one in self.values]
        found = {"values": values, "template_digest": self.template_digest, "undone": list(self.undone)}
        return found | {"is_outside": self.is_outside}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Read the output of `to_json`; nothing was found by an earlier version of Sanso."""
        if not isinstance(stored, Mapping):
            return cls()
        values = (
            FoundValue(name=name, deployed=deployed, now=now, after=after, is_outside=is_outside)
            for name, deployed, now, after, is_outside in stored.get("values") or ()
        )
        return cls(
            values=tuple(values),
            template_digest=stored.get("template_digest", ""),
            undone=tuple(stored.get("undone") or ()),
            is_outside=bool(stored.get("is_outside")),
        )


def found_values(
    deployed: Mapping[str, str],
    now: Mapping[str, str],
    after: Mapping[str, str],
    *,
    latest: Mapping[str, str],
) -> tuple[FoundValue, ...]:
    """Return the parameters whose value in AWS differs from the last good deployment, by name.

    `latest` are the values of the latest deployment, which may have failed after the stacks were changed.
    """
    return tuple(
        FoundValue(
            name=name,
            deployed=deployed[name],
            now=now[name],
            after=after.get(name, now[name]),
            is_outside=latest.get(name) != now[name],
        )
        for name in sorted(now.keys() & deployed.keys())
        if now[name] != deployed[name]
    )


def is_changed(known: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Return whether a stack was changed since the last operation of Sanso.

    Both are {"status", "updated"}: StackStatus and LastUpdatedTime. `known` is empty at the first observation
    after an operation of Sanso has ended: an operation in progress then is not Sanso's.
    """
    if not known:
        return not is_final(seen["status"]) and seen["status"] != "REVIEW_IN_PROGRESS"
    return dict(known) != dict(seen)


def is_updated(known: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Return whether an update has begun, so that its time is known."""
    return bool(seen["updated"]) and seen["updated"] != known.get("updated", "")


def is_updated_after(seen: Mapping[str, str], changes: Iterable[tuple[float, str]]) -> bool:
    """Return whether an update began after the last status change of an operation, both by AWS's clock.

    `changes` are the (epoch milliseconds, status) of the root stack in that operation.
    """
    last = max((at for at, _status in changes), default=None)
    if last is None or not seen["updated"]:
        return False
    return datetime.fromisoformat(seen["updated"]).timestamp() * 1000 > last
