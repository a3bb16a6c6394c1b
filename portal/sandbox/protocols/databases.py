"""The databases behind RDS clusters, as services see them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Address = tuple[str, int]
ACTIONS = ("kill_writer", "stop_writer", "freeze_writer", "kill_reader", "failover")
"""What can be done to a cluster's database on purpose."""


class CannotFailOver(Exception):
    """There is no reader that could write; the message says why, as RDS would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a cluster answers."""

    writer: str
    reader: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of a cluster."""

    instance: str
    address: Address
    writes: bool
    answers: bool  # False while its server restarts
    follows: bool  # of a reader: it has all that was acknowledged, and could take the writer's place
    lag_ms: float | None  # of a reader: from the writer's log to its rows; None while it isn't known


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """What a cluster's database is started with."""

    port: int  # which it gets wherever 127.0.0.0/8 can be bound
    user: str
    password: str
    database: str  # created empty unless the name is empty
    parameters: dict[str, str]  # of the DB cluster parameter group
    # Seconds after a failover in which clients still get the old writer's address from the writer endpoint.
    endpoint_lag: Callable[[], float] = lambda: 0.0


class Database(Protocol):
    """The database of one cluster: its endpoints, and its instances."""

    endpoint: Endpoint

    def add(self, instance: str, tier: int) -> Address:
        """Give an instance a server and return its address. The first one writes. Raises OSError."""

    def remove(self, instance: str) -> None:
        """End an instance's server; when it wrote, another one does from now on."""

    def rank(self, tiers: dict[str, int]) -> None:
        """Note the instances' promotion tiers."""

    def members(self) -> list[Member]:
        """Return the instances, at once."""

    def fail_over(self, instance: str) -> None:
        """Let a reader write from now on. Raises CannotFailOver."""

    def reboot(self, instance: str) -> None:
        """Restart an instance's server in its role, and return when it answers. Raises OSError."""

    def act(self, action: str) -> str:
        """Do one of ACTIONS and return the instance that it affected. Raises ValueError."""

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password, as a rotation or a changed template does."""

    def stop(self) -> None:
        """End everything and remove its files."""


class Databases(Protocol):
    """A kind of database."""

    name: str
    authority: str  # the certificate, as PEM, of the authority that signs those of the databases

    def prepare(self) -> None:
        """Make ready, in the background, what the first cluster would otherwise wait for."""

    def start(self, settings: DatabaseSettings) -> Database:
        """Start a cluster's database and wait until it answers, about a second.

        Raises OSError with the tail of the server's log when it does not start.
        """

    def stop(self) -> None:
        """Remove what is shared by databases, once all have been stopped."""
