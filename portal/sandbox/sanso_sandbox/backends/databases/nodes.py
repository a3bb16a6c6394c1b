"""A server of a cluster, its instance, and its stage on the way into service. No decisions."""

import enum
import time
from dataclasses import dataclass, field

from sanso_sandbox.backends.databases.mariadb import MariaDB

BACK_OFF = 5.0  # maximum seconds between two starts of a server that does not get into service


class Stage(enum.Enum):
    """The stages of a server on its way into service."""

    DOWN = enum.auto()
    STARTS = enum.auto()
    CATCHES_UP = enum.auto()  # a reader that replicates the writer's log from the end of its own
    SERVES = enum.auto()


@dataclass(slots=True, eq=False)
class Node:
    """A server and its instance."""

    server: MariaDB
    instance: str = ""
    tier: int = 1
    era: int = 0  # number of the writer under which it last wrote or followed
    stage: Stage = Stage.STARTS
    since: float = field(default_factory=time.monotonic)  # when its stage began, or it last made progress
    target: int = 0  # sequence number that it has to apply before it serves
    applied: int = 0
    starts: int = 0  # consecutive starts without getting into service
    start_at: float = 0.0  # earliest time of the next start
    lag_ms: float | None = None
    connections: int | None = None
    follows: bool = False  # acknowledged commits reach it
    received_all: bool = False  # had all of the writer's log at the last measurement
    silent_since: float | None = None
    apart_since: float | None = None  # since when it does not receive the writer's log
    ordered_again: bool = False  # a new order to follow was sent because it was apart

    @property
    def serves(self) -> bool:
        return self.stage is Stage.SERVES

    def move(self, stage: Stage) -> None:
        """Enter another stage."""
        self.stage, self.since = stage, time.monotonic()
        self.follows, self.received_all, self.lag_ms, self.connections = False, False, None, None
        self.silent_since, self.apart_since, self.ordered_again = None, None, False
        if stage is Stage.SERVES:
            self.starts, self.start_at = 0, 0.0

    def age(self) -> float:
        """Return the seconds without progress."""
        return time.monotonic() - self.since

    def silence(self, *, answered: bool) -> float:
        """Record whether the server responded; return the seconds since when it has not."""
        now = time.monotonic()
        self.silent_since = None if answered else self.silent_since or now
        return 0.0 if self.silent_since is None else now - self.silent_since

    def may_start(self) -> bool:
        """Return whether the next start is due; the delay increases with each start."""
        return time.monotonic() >= self.start_at

    def launch(self, *, reads_only: bool) -> None:
        """Start the process without waiting."""
        self.starts += 1
        self.start_at = time.monotonic() + min(BACK_OFF, 0.1 * 2**self.starts)
        self.move(Stage.STARTS)
        self.server.launch(reads_only=reads_only)
