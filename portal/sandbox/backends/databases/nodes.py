"""A server of a cluster, the instance that it is, and how far it is on its way into service. No decisions."""

import enum
import time
from dataclasses import dataclass, field

from portal.sandbox.backends.databases.mariadb import MariaDB

BACK_OFF = 5.0  # seconds, at most, between two starts of a server that does not come into service


class Stage(enum.Enum):
    """Where a server is on its way into service."""

    DOWN = enum.auto()
    STARTS = enum.auto()
    CATCHES_UP = enum.auto()  # a reader that follows the writer from where its log ended
    SERVES = enum.auto()


@dataclass(slots=True, eq=False)
class Node:
    """A server, and the instance that it is."""

    server: MariaDB
    instance: str = ""
    tier: int = 1
    era: int = 0  # under which writer it last wrote or followed
    stage: Stage = Stage.STARTS
    since: float = field(default_factory=time.monotonic)  # when it came into its stage, or last made progress
    target: int = 0  # how far it has to be to serve
    applied: int = 0
    starts: int = 0  # in a row that have not brought it into service
    start_at: float = 0.0  # not before
    lag_ms: float | None = None
    follows: bool = False  # what the writer acknowledges reaches it
    received_all: bool = False  # that the writer had when last measured
    silent_since: float | None = None
    apart_since: float | None = None  # it does not receive what its writer writes
    ordered_again: bool = False  # to follow, since it is apart

    @property
    def serves(self) -> bool:
        return self.stage is Stage.SERVES

    def move(self, stage: Stage) -> None:
        """Be in another stage from now on."""
        self.stage, self.since = stage, time.monotonic()
        self.follows, self.received_all, self.lag_ms = False, False, None
        self.silent_since, self.apart_since, self.ordered_again = None, None, False
        if stage is Stage.SERVES:
            self.starts, self.start_at = 0, 0.0

    def age(self) -> float:
        """Return for how many seconds it made no progress."""
        return time.monotonic() - self.since

    def silence(self, *, answered: bool) -> float:
        """Note whether it answered; return for how many seconds it has not."""
        now = time.monotonic()
        self.silent_since = None if answered else self.silent_since or now
        return 0.0 if self.silent_since is None else now - self.silent_since

    def may_start(self) -> bool:
        """Return whether it is time for the next start: soon after the first one, later after more."""
        return time.monotonic() >= self.start_at

    def launch(self, *, reads_only: bool) -> None:
        """Start its process and wait for nothing."""
        self.starts += 1
        self.start_at = time.monotonic() + min(BACK_OFF, 0.1 * 2**self.starts)
        self.move(Stage.STARTS)
        self.server.launch(reads_only=reads_only)
