"""Screen-reader announcements of new events: phases, the first failure, the end, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from deployments.cloudformation.root_cause import Failure
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event

LONGEST_REASON = 120


def announcements(deployment: Deployment, events: Iterable[Event], first: Failure | None) -> list[str]:
    """Return an announcement for each event that needs one. `first` is the deployment's first failure."""
    found: list[str] = []
    for event in events:
        if event.source == "portal" and event.code in ("phase", "attention", "attention.over"):
            found.append(event_texts.event(event))
        elif event.code == "ended" and event.source == "portal":
            found.append(_("%(name)s: %(end)s") % {"name": deployment.environment.name, "end": _end(event)})
        elif first and event.as_failure() == first:
            reason = first.reason or first.status
            values = {"name": first.logical_id, "reason": _cut(reason)}
            found.append(_("%(name)s failed: %(reason)s") % values)
    return found


def _end(event: Event) -> str:
    return _cut(event_texts.event(event))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
