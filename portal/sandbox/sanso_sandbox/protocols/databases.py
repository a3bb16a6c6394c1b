"""The interface of the databases behind RDS clusters for services."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Address = tuple[str, int]
Origin = int | str
"""Where connections come from on this host: the number of a process group, or an address."""
ACTIONS = ("kill_writer", "stop_writer", "freeze_writer", "kill_reader", "failover")
"""Actions on a cluster's database: failures, and a failover."""


class CannotFailOver(Exception):
    """No reader can become the writer; the message is the reason, worded as in RDS."""


class CannotCopy(Exception):
    """This kind of database has no copies of its data."""


class DataCopy(Protocol):
    """A copy of a database's data at one moment, which outlives the database."""

    def remove(self) -> None:
        """Delete the copy; databases that were started from it are unaffected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The addresses and the port of a cluster."""

    writer: str
    reader: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An instance of a cluster."""

    instance: str
    address: Address
    writes: bool
    answers: bool  # False while its server restarts
    follows: bool  # for a reader: it has all acknowledged commits, and could become the writer
    lag_ms: float | None  # for a reader: from the writer's log to its rows; None if unknown
    connections: int | None  # of clients; None if unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The settings of a cluster's database."""

    port: int  # used if addresses in 127.0.0.0/8 can be bound
    user: str
    password: str
    database: str  # created empty; no database if the name is empty
    parameters: dict[str, str]  # from the DB cluster parameter group
    # Seconds after a failover during which the writer endpoint still leads clients to the old writer.
    endpoint_lag: Callable[[], float] = lambda: 0.0
    # The data to start with, users and passwords included; user, password and database are ignored then.
    source: DataCopy | None = None


class Database(Protocol):
    """The database of a cluster: its endpoints, and its instances."""

    endpoint: Endpoint

    def add(self, instance: str, tier: int) -> Address:
        """Give an instance a server and return its address. The first one is the writer. Raises OSError."""

    def remove(self, instance: str) -> None:
        """Stop an instance's server; if it was the writer, another one becomes the writer."""

    def rank(self, tiers: dict[str, int]) -> None:
        """Store the instances' promotion tiers."""

    def members(self) -> list[Member]:
        """Return the instances without waiting."""

    def keep_out(self, origins: Mapping[str, frozenset[Origin]]) -> None:
        """Give new connections from these origins no response, by the instance that they would lead to."""

    def fail_over(self, instance: str) -> None:
        """Make a reader the writer. Raises CannotFailOver."""

    def reboot(self, instance: str) -> None:
        """Restart an instance's server in its role, and wait until it responds. Raises OSError."""

    def act(self, action: str) -> str:
        """Execute one of ACTIONS and return the affected instance. Raises ValueError."""

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password, for a rotation or a changed template."""

    def copy(self, before: int | None = None) -> DataCopy:
        """Return a copy of everything that is committed now, or was before a second since the epoch.

        What began in that second or later is not in it. Raises CannotCopy or OSError.
        """

    def stop(self) -> None:
        """Stop all servers and remove their files."""


class Databases(Protocol):
    """A kind of database."""

    name: str
    authority: str  # the authority's certificate, as PEM, which signs those of the databases

    def prepare(self) -> None:
        """Prepare in the background for the first cluster, which would wait for it otherwise."""

    def start(self, settings: DatabaseSettings) -> Database:
        """Start a cluster's database and wait until it responds, for about a second.

        Raises OSError with the end of the server's log if it does not start.
        """

    def stop(self) -> None:
        """Remove files that databases share, after all of them have been stopped."""
