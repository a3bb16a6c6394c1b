"""How many answers that take long may be under way in a process: for a session, for a user, and in all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakSet

from deployments.live.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many there may be at once."""

    session: int
    user: int
    process: int


class TooMany(Exception):
    """A limit is reached: `limit` answers are under way for what `scope` names, a field of Limits."""

    def __init__(self, scope: str, limit: int) -> None:
        super().__init__(f"limit of {limit} for one {scope}")
        self.scope, self.limit = scope, limit


@dataclass(eq=False, slots=True, weakref_slot=True, kw_only=True)
class Viewer:
    """Who an answer is for. `ends` is the code of why it has to end, once it has to."""

    session: str
    access: Access
    ends: str = ""


class Admission:
    """The viewers of one event loop.

    A viewer counts until it leaves or is garbage: a request that is canceled between its admission and the
    first part of its answer has nobody who could leave for it.
    """

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits
        self._viewers: WeakSet[Viewer] = WeakSet()

    def __len__(self) -> int:
        return len(self._viewers)

    def check_room(self) -> None:
        """Raise TooMany when the process is full, whoever asks."""
        limit = self._limits().process
        if len(self._viewers) >= limit:
            raise TooMany("process", limit)

    def admit(self, session: str, granted: Access) -> Viewer:
        """Return a viewer, which counts from now on. Raise TooMany if a limit is reached."""
        self.check_room()
        limits, viewers = self._limits(), list(self._viewers)
        if sum(viewer.session == session for viewer in viewers) >= limits.session:
            raise TooMany("session", limits.session)
        if sum(viewer.access.user == granted.user for viewer in viewers) >= limits.user:
            raise TooMany("user", limits.user)
        viewer = Viewer(session=session, access=granted)
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Stop counting a viewer. Harmless when it has left."""
        self._viewers.discard(viewer)
