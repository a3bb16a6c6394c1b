"""The servers of a release below its phase, from the events of the log, so also in replays and recordings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.schedule import PHASE
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import in_ms
from deployments.common.texts import stored_text
from deployments.deployment_pages.display.waterfall.bars import Bar
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.environments.rules.phases import State
from deployments.releases.display import STAGE_STATUSES
from deployments.releases.models import STAGES
from deployments.releases.rules import Stage
from deployments.stacks.display.paths import join
from deployments.stacks.models.events import Event

PLACE = f"{PHASE}{State.SERVERS}"
_AT_REST = frozenset(STAGE_STATUSES) - {Stage.WATCHING}
_NEW = frozenset({Stage.CHECKING, Stage.WATCHING, Stage.DONE})
"""The stages in which a server has the version of the release or, when it rolls back, the earlier one."""


@dataclass(slots=True)
class _Server:
    """One server while its events are read: its stages with their beginnings (epoch milliseconds)."""

    name: str
    version: str = ""
    stages: list[tuple[int, Stage]] = field(default_factory=list)
    reason: str = ""


def server_rows(events: Iterable[Event], now: int) -> tuple[Row, ...]:
    """Return a row for each server in the events, in the order in which the release found them."""
    servers: dict[str, _Server] = {}
    before = after = ""
    first = Stage.WAITING
    for event in events:
        values, at = event.values, in_ms(event.at)
        if event.code == "release.found":
            before, after = str(values.get("before", "")), str(values.get("after", ""))
            for name in values.get("servers", ()):
                servers.setdefault(str(name), _Server(str(name), before, [(at, first)]))
        elif event.code in ("release.server", "release.again") and values.get("server"):
            name = str(values["server"])
            server = servers.setdefault(name, _Server(name, before))
            stage = _stage(values.get("stage", Stage.WAITING))
            server.stages.append((at, stage))
            server.reason = stored_text(values.get("message") or {}) or server.reason
            if stage in _NEW or stage is Stage.RETURNED:
                server.version = before if values.get("back") else after
        elif event.code == "release.returning":
            first = Stage.NOT_REACHED
            for server in servers.values():
                _goes_back(server, at, values.get("reached"))
    return tuple(_row(one, now) for one in servers.values())


def _goes_back(server: _Server, at: int, reached: Sequence[str] | None) -> None:
    """Make a server wait again if it is among the `reached` ones, and leave it alone otherwise."""
    last = server.stages[-1][1] if server.stages else Stage.WAITING
    if last is not Stage.GONE:
        configured = any(stage is Stage.CONFIGURING for _at, stage in server.stages)
        is_reached = configured if reached is None else server.name in reached
        server.stages.append((at, Stage.WAITING if is_reached else Stage.NOT_REACHED))


def _stage(stored: object) -> Stage:
    """Return a stored stage; one of a later release counts as configuring."""
    return Stage(str(stored)) if str(stored) in list(Stage) else Stage.CONFIGURING


def _row(server: _Server, now: int) -> Row:
    last_at, last = server.stages[-1]
    bars = tuple(_bars(server.stages))
    started = bars[0].start if bars else None
    is_at_rest = last in _AT_REST
    return Row(
        path=join(PLACE, server.name),
        name=server.name,
        level=2,
        kind="server",
        type=server.version,
        display_status=STAGE_STATUSES.get(last, DisplayStatus.PROGRESS),
        label=str(dict(STAGES)[str(last)]),
        reason=server.reason,
        started=started,
        ended=min(last_at, now) if is_at_rest and started is not None else None,
        bars=bars,
        facts=((_("Version"), server.version),) if server.version else (),
    )


def _bars(stages: Sequence[tuple[int, Stage]]) -> Iterable[Bar]:
    """Yield a bar for each active stage of the server; a failure colors the previous one."""
    ends: list[tuple[int | None, Stage | None]] = [*stages[1:], (None, None)]
    for (start, stage), (end, following) in zip(stages, ends, strict=True):
        if stage not in _AT_REST:
            status = STAGE_STATUSES.get(stage, DisplayStatus.PROGRESS)
            yield Bar(start, end, DisplayStatus.FAILED if following is Stage.FAILED else status)
