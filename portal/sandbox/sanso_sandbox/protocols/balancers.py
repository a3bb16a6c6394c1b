"""The interface of load balancers for services, and the data that they read from services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sanso_sandbox.engine.registry import Scope

Address = tuple[str, int]
Key = tuple[Scope, str]  # the scope and ARN of a listener


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A listener as in its record."""

    key: Key
    load_balancer: str
    port: int
    protocol: str
    certificate: str
    idle: int  # seconds
    blocked: int = 0  # how many of 100 connections no security group, route or network ACL lets through


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition of a rule, which is met if any of its patterns matches."""

    field: str
    header: str  # for an http-header condition
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule, whose action is taken if all conditions are met."""

    conditions: tuple[Condition, ...]
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target of a group, with its address."""

    name: str
    address: Address
    takes: bool  # new requests; a draining target only finishes the current ones
    outlived: bool = False  # its connections stay open after it has drained and left the group
    reached: bool = True  # False if no connection to it is possible: it does not respond, and rejects none


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate in ACM: PEM with its key if it was imported, and its domain."""

    pem: bytes
    domain: str


class Forwarding(Protocol):
    """The current configuration of load balancers."""

    def load_balancers(self) -> set[str]:
        """Return the ARNs of the load balancers of every account."""

    def listeners(self) -> Iterator[Listener]:
        """Yield the listeners of every account that can be served."""

    def rules(self, listener: Key) -> list[Rule]:
        """Return a listener's rules in the order of evaluation; the last one matches everything."""

    def targets(self, scope: Scope, group: str) -> list[Target]:
        """Return the targets of a group that have an address."""

    def certificate(self, scope: Scope, arn: str) -> Certificate:
        """Return the data of a certificate."""


class Balancers(Protocol):
    """A kind of load balancer."""

    name: str

    def name_of(self, load_balancer: str, kind: str, aws_name: str) -> str:
        """Choose the DNS name of a new load balancer, which opens on this machine if it can be served.

        Args:
            load_balancer: its ARN.
            kind: "application", "network" or "gateway".
            aws_name: the name in AWS's form.
        """

    def resolve(self, name: str, port: int) -> Address:
        """Return the address of a load balancer's name and port; return other names and ports unchanged."""

    def start(self, forwarding: Forwarding) -> None:
        """Start to serve all listeners."""

    def stop(self) -> None:
        """Close all listeners."""
