"""What listens behind load balancers, as services see it, and what it reads of the services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.sandbox.engine.registry import Scope

Address = tuple[str, int]
Key = tuple[Scope, str]  # a listener's, with its ARN


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One listener as its record has it."""

    key: Key
    load_balancer: str
    port: int
    protocol: str
    certificate: str
    idle: int  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule: any of its patterns must be met."""

    field: str
    header: str  # of an http-header condition
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All conditions must be met; then the action is taken."""

    conditions: tuple[Condition, ...]
    action: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target of a group, with its address."""

    name: str
    address: Address
    takes: bool  # new requests; one that drains only finishes those that it has
    outlived: bool = False  # its connections go on when it has drained and left the group


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What ACM has of a certificate: PEM with its key if it was imported, and its domain."""

    pem: bytes
    domain: str


class Forwarding(Protocol):
    """What load balancers are to do now."""

    def load_balancers(self) -> set[str]:
        """Return the ARNs of the load balancers of every account."""

    def listeners(self) -> Iterator[Listener]:
        """Yield the listeners of every account that can be served."""

    def rules(self, listener: Key) -> list[Rule]:
        """Return a listener's rules in the order in which they are tried; the last one is for everything."""

    def targets(self, scope: Scope, group: str) -> list[Target]:
        """Return the targets of a group that have an address."""

    def certificate(self, scope: Scope, arn: str) -> Certificate:
        """Return what there is of a certificate."""


class Balancers(Protocol):
    """A kind of load balancer."""

    name: str

    def name_of(self, load_balancer: str, kind: str, aws_name: str) -> str:
        """Choose the DNS name of a new load balancer: one that opens on this machine, if it can be served.

        Args:
            load_balancer: its ARN.
            kind: "application", "network" or "gateway".
            aws_name: the name in AWS's form.
        """

    def resolve(self, name: str, port: int) -> Address:
        """Return where a load balancer's name and port lead; a name of anything else leads to itself."""

    def start(self, forwarding: Forwarding) -> None:
        """Serve every listener from now on."""

    def stop(self) -> None:
        """Close every listener."""
