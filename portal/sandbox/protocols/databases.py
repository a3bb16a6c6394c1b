"""What a cluster's database tells of itself, whichever kind it is."""

from dataclasses import dataclass
from typing import Protocol

from portal.sandbox.backends.databases.endpoints import Endpoint, Place

ACTIONS = ("kill_writer", "stop_writer", "freeze_writer", "kill_reader", "failover")


class CannotFailOver(Exception):
    """There is no reader that could write; the message says why, as RDS would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One instance of a cluster."""

    instance: str
    place: Place
    writes: bool
    answers: bool  # False while its server starts again
    follows: bool  # of a reader: it has all that was acknowledged, and could take the writer's place
    lag_ms: float | None  # of a reader: from the writer's log to its rows; None while it isn't known


class Database(Protocol):
    """The database of one cluster: its endpoints, and its instances."""

    endpoint: Endpoint

    def add(self, instance: str, tier: int) -> Place:
        """Give an instance a server and tell its address. The first one writes. Raises OSError."""

    def remove(self, instance: str) -> None:
        """Take an instance's server away; when it wrote, another one does from now on."""

    def rank(self, tiers: dict[str, int]) -> None:
        """Take note of the instances' promotion tiers."""

    def members(self) -> list[Member]:
        """Tell what there is, at once."""

    def fail_over(self, instance: str) -> None:
        """Let a reader write from now on. Raises CannotFailOver."""

    def reboot(self, instance: str) -> None:
        """Start an instance's server again in its role, and return when it answers. Raises OSError."""

    def act(self, action: str) -> str:
        """Break something on purpose (ACTIONS) and tell the instance that it befell. Raises ValueError."""

    def set_password(self, user: str, password: str) -> None:
        """Change a user's password, as a rotation or a changed template does."""

    def stop(self) -> None:
        """End everything and remove its files."""
