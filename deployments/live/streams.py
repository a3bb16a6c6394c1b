"""The open event streams of one event loop: one check of all streams at each heartbeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.db import Error

from deployments.access.rules.roles import About
from deployments.live import access, reads
from deployments.live.access import StreamAccess
from deployments.live.admission import Admission, StreamLimits, Viewer

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
