"""The open event streams of one event loop: their limits, and one check of all at each heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakSet

from django.conf import settings
from django.db import Error

from deployments.access.rules.roles import About
from deployments.live import access, reads
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


log = logging.getLogger(__name__)

HEARTBEAT = 5.0
"""Seconds between two checks of access; every stream sends a message as often."""
LOGGED_OUT = "logged_out"
PERMISSIONS = "permissions_changed"


class OpenStreams(Admission):
    """The viewers of streams. While there are any, a task sets `ends` of those that have lost access."""

    def __init__(self, on_end: Callable[[], None]) -> None:
        super().__init__(_limits)
        self._on_end = on_end
        self._checking: asyncio.Task[None] | None = None

    def admit(self, session: str, granted: StreamAccess, environment: int = 0) -> Viewer:
        """Return a viewer, which is counted and checked from now on. Raise TooMany."""
        viewer = super().admit(session, granted, environment)
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._keep_checking())
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Stop counting and checking a viewer."""
        super().leave(viewer)
        if not self._viewers and self._checking:
            self._checking.cancel()
            self._checking = None

    async def _keep_checking(self) -> None:
        while self._viewers:
            await asyncio.sleep(HEARTBEAT)
            try:
                await self._check()
            except Error as exc:  # without the database, no updates are sent anyway
                log.warning("open streams cannot be checked: %s", exc)

    async def _check(self) -> None:
        viewers = list(self._viewers)  # viewers admitted during the read are checked next time
        granted = await reads.in_thread(access.of_viewers, {viewer.session for viewer in viewers})
        watched = {viewer.environment for viewer in viewers if viewer.environment}
        found = await reads.in_thread(access.environments, watched) if watched else {}
        self._apply(viewers, granted, found)

    def _apply(
        self, viewers: Iterable[Viewer], granted: Mapping[str, StreamAccess], watched: Mapping[int, About]
    ) -> None:
        for viewer in viewers:
            now = granted.get(viewer.session)
            if now is None or now.user != viewer.access.user:
                viewer.ends = LOGGED_OUT
            elif not now.covers(viewer.access) or not _views(now, viewer, watched):
                viewer.ends = PERMISSIONS
        if any(viewer.ends for viewer in viewers):
            self._on_end()


def _views(now: StreamAccess, viewer: Viewer, watched: Mapping[int, About]) -> bool:
    """Return whether a viewer may still view the environment; its labels may have changed."""
    return not viewer.environment or now.may_view(watched.get(viewer.environment))


def _limits() -> StreamLimits:
    return StreamLimits(
        session=settings.SANSO_STREAMS_PER_SESSION,
        user=settings.SANSO_STREAMS_PER_USER,
        process=settings.SANSO_STREAMS_PER_PROCESS,
    )
