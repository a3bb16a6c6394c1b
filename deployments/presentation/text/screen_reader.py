"""What screen readers are told of new events: phases, the first failure, the end. Nothing else is."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from deployments.core.root_cause import Failure
from deployments.models import Deployment, Event
from deployments.presentation.text import wording

LONGEST_REASON = 120


def sentences(deployment: Deployment, events: Iterable[Event], first: Failure | None) -> list[str]:
    """Return a sentence for each event that is worth one. `first` is the deployment's first failure."""
    said: list[str] = []
    for event in events:
        if event.source == "portal" and event.code in ("phase", "attention", "attention.over"):
            said.append(wording.event(event))
        elif event.code == "ended" and event.source == "portal":
            said.append(_("%(name)s: %(end)s") % {"name": deployment.environment.name, "end": _end(event)})
        elif first and event.as_failure() == first:
            reason = first.reason or first.status
            values = {"name": first.logical_id, "reason": _cut(reason)}
            said.append(_("%(name)s failed: %(reason)s") % values)
    return said


def _end(event: Event) -> str:
    return _cut(wording.event(event))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"
