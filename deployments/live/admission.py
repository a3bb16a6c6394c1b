"""Limits of concurrent long responses in a process: per session, per user, and in total."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

from deployments.live.access import StreamAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Maximum numbers of concurrent responses."""

    session: int
    user: int
    process: int


class TooMany(Exception):
    """Raised when a limit is reached. `scope` is the name of the field of Limits, `limit` its value."""

    def __init__(self, scope: str, limit: int) -> None:
        super().__init__(f"limit of {limit} for one {scope}")
        self.scope, self.limit = scope, limit


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class Viewer:
    """The recipient of a response about an environment.

    `ends` is the code of the reason once the response must end.
    """

    session: str
    access: StreamAccess
    environment: int = 0
    ends: str = ""


class Admission:
    """The viewers of one event loop.

    A viewer counts until it leaves or is garbage-collected: if a request is canceled between its admission
    and the first part of its response, nothing calls `leave`.
    """

    def __init__(self, limits: Callable[[], StreamLimits]) -> None:
        self._limits = limits
        self._viewers: WeakSet[Viewer] = WeakSet()

    def __len__(self) -> int:
        return len(self._viewers)

    def check_process_limit(self) -> None:
        """Raise TooMany if the limit of the process is reached."""
        limit = self._limits().process
        if len(self._viewers) >= limit:
            raise TooMany("process", limit)

    def admit(self, session: str, granted: StreamAccess, environment: int = 0) -> Viewer:
        """Return a viewer, which counts from now on. Raise TooMany if a limit is reached."""
        self.check_process_limit()
        limits, viewers = self._limits(), list(self._viewers)
        if sum(viewer.session == session for viewer in viewers) >= limits.session:
            raise TooMany("session", limits.session)
        if sum(viewer.access.user == granted.user for viewer in viewers) >= limits.user:
            raise TooMany("user", limits.user)
        viewer = Viewer(session=session, access=granted, environment=environment)
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Stop counting a viewer. It may have left already."""
        self._viewers.discard(viewer)
