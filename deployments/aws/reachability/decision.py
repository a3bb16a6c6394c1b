"""The result of a question about a connection: what allows it, or what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Control(StrEnum):
    """What can allow a connection, or keep it back. The values are stored with messages."""

    EGRESS = "egress"  # a rule of the source's security groups
    INGRESS = "ingress"  # a rule of the destination's security groups
    ACL_EGRESS = "acl-egress"  # a rule of a subnet's network ACL, which also has to allow the responses
    ACL_INGRESS = "acl-ingress"
    ROUTE = "route"  # a route in the table of a subnet
    GATEWAY = "gateway"  # the gateway that a route leads to
    ADDRESS = "address"  # the public address of an interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A rule or route that allows a part of a connection, in the group, table or ACL with this id."""

    control: Control
    where: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What is missing: in which groups, table or ACL, and for which traffic.

    `where` has several ids for an interface with several groups: a rule in one of them is enough. `peer` is
    what the rule would name: addresses, and the groups of the other side.
    """

    control: Control
    where: tuple[str, ...]
    traffic: str
    peer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What allows a connection; `missing` is the first thing that keeps it back, None if it is possible."""

    allowances: tuple[Allowance, ...] = ()
    missing: Missing | None = None

    @property
    def allowed(self) -> bool:
        return self.missing is None


class Refusal(Exception):
    """A connection is not possible. Only for use within this package."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(str(missing))
        self.missing = missing
