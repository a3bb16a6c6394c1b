"""The updates of an open page of a deployment from one event number to a later one.

It is rendered by the templates of the page, from database rows alone, so it is the same for all pages at that
number: `{"from", "seq", "events", "rows", "header", …}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import get_template
from django.utils.translation import gettext as _

from deployments.common.pages.datetime_formats import units
from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages import log, rendered
from deployments.deployment_pages.pages.waterfall import cache, progress
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display import eta, event_texts
from deployments.stacks.display.paths import and_above, join
from deployments.stacks.models.events import Event

_WITHOUT_ROWS = frozenset({"requested", "attention", "attention.over", "remaining.searched", "trail.found"})
"""The portal's own events that change no row; all others change the forecast, or add rows."""


@dataclass(frozen=True, slots=True)
class PageUpdate:
    """One update: the event number of the page after it, and its JSON."""

    seq: int
    json: str

    @property
    def sse(self) -> bytes:
        """Return the update as a message of an event stream, with its number as the id."""
        return f"id: {self.seq}\ndata: {self.json}\n\n".encode()


QUIET = 3.0
"""Seconds that an update without events is cached: open pages also poll while nothing happens."""
QUIET_KEPT = 128
_quiet: dict[tuple[Any, ...], tuple[float, PageUpdate]] = {}


def build(pk: int, since: int, until: int, locale: Locale) -> PageUpdate:
    """Return the update that follows event `since`, up to `until` or as far as one update goes.

    Raise Deployment.DoesNotExist. An update without events has the current state.
    """
    deployment = Deployment.objects.for_page().get(pk=pk)
    events = list(Event.objects.of(deployment).after(since).up_to(until)[: log.LINES])
    if events:
        return _assembled(deployment, since, events, locale)
    key = (deployment.token, since, deployment.state, deployment.attention_code, locale)
    at, update = _quiet.get(key, (0.0, None))
    if update is None or time.monotonic() - at > QUIET:
        if len(_quiet) >= QUIET_KEPT:
            _quiet.clear()
        update = _assembled(deployment, since, [], locale)
        _quiet[key] = time.monotonic(), update
    return update


def _assembled(deployment: Deployment, since: int, events: Sequence[Event], locale: Locale) -> PageUpdate:
    with locale.active():
        seq = events[-1].seq if events else since
        paths = _changed_paths(events)
        view = _view(deployment, paths, seq)
        body = {"from": since, "seq": seq, **fragments(view), **_changes(view, events, paths, locale)}
        if view.computed_seq > since or not events:
            body["row_forecast"] = progress.forecast_of_rows(view.timeline, view.axis, exclude=paths or ())
        return PageUpdate(seq, json.dumps(body, ensure_ascii=False, separators=(",", ":")))


def _view(deployment: Deployment, paths: set[str] | None, seq: int) -> DeploymentView:
    """Return a view of the rows at these paths; None means all of them.

    Everything is read again if rows appear without an event, and at intervals for the forecast.
    """
    known = cache.get(deployment)
    if known is None or paths is None or not known.is_fresh_for(deployment, seq):
        return DeploymentView.whole(deployment)
    return DeploymentView.part(deployment, paths, known)


def fragments(view: DeploymentView) -> dict[str, str]:
    """Return the parts of the page that are small enough to be sent completely."""
    context = view.context()
    named = {
        "header": "deployment_pages/_deployment_header",
        "phases": "stacks/_phases",
        "banner": "deployment_pages/_end_banner",
        "outputs": "deployment_pages/_outputs",
        "latest": "deployment_pages/_latest",
    }
    html = {part: get_template(f"{name}.html").render(context) for part, name in named.items()}
    deployment = view.deployment
    return html | {
        "title": f"{view.title} · Sanso",
        "state": deployment.state,
        "attention": deployment.attention_code,
    }


def replay_body(
    view: DeploymentView, events: Sequence[Event] | None, *, since: int, seq: int, locale: Locale
) -> dict[str, Any]:
    """Return the body of a replay's update: the changes by these events, or everything if they are None.

    The log does not change in a replay, so its lines are left out.
    """
    paths = None if events is None else _changed_paths(events)
    with locale.active():
        body = {**fragments(view), **_changes(view, events or [], paths, locale), "events": []}
        return body | {
            "from": since,
            "seq": seq,
            "row_forecast": progress.forecast_of_rows(view.timeline, view.axis),
        }


def _changes(
    view: DeploymentView, events: Sequence[Event], paths: set[str] | None, locale: Locale
) -> dict[str, Any]:
    rows = view.rows(paths)
    if paths is not None and not events:
        rows += view.rows_without_events()
    html = view.render_rows(rows, locale)
    return {
        "events": [rendered.line(log.line(event), locale) for event in events],
        "rows": [
            {"id": row.id, "parent": row.parent, "html": text} for row, text in zip(rows, html, strict=True)
        ],
        "announcements": event_texts.announcements(view.deployment, events, view.summary.failure),
    }


def _changed_paths(events: Sequence[Event]) -> set[str] | None:
    """Return the paths of the rows that events changed; None for all of them.

    Counts change in every parent stack of a resource.
    """
    paths: set[str] = set()
    for event in events:
        if event.source == "portal":
            if event.code not in _WITHOUT_ROWS:
                return None
        elif event.stack:
            path = event.stack.path
            paths.update(and_above(path))
            if event.logical_id and event.physical_id != event.stack.stack_id:
                paths.add(join(path, event.logical_id))
    return paths


def texts() -> dict[str, str | dict[str, str]]:
    """Return the texts for the script of the page, in the current language."""
    return {
        "updated": _("Updated {age} ago"),
        "updatedPolling": _("Updated {age} ago (polling)"),
        "whyPolling": _(
            "Live updates are not available right now. This page polls every 5 s and tries again every 30 s."
        ),
        "units": units(),
        "notAsked": _("Waiting for first data"),
        "final": _("final"),
        "noWorker": _("No worker has reported for {age}. Operations already started continue in AWS."),
        "noTick": _(
            "No worker has picked this up yet. Check that a worker is running and that its clock is right."
        ),
        "lost": _("Live connection lost. Retrying in {seconds} s; the page polls until then."),
        "trying": _("Live connection lost. Retrying…"),
        "lostAnnouncement": _("Live connection lost."),
        "back": _("Live connection restored."),
        "shown": _("{shown} of {all}"),
        "copied": _("Copied"),
        "notAllowed": _("Copying is not allowed"),
        **eta.texts(),
    }
