"""The stages of a cancellation on pages, and those of a change that was discarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelStage:
    """A stage (requested, accepted or stopped): when, by whom or what, and AWS's status then."""

    label: str
    at: datetime | None = None
    detail: str = ""
    status: str = ""
    is_current: bool = False

    @property
    def glyph(self) -> str:
        """Return the glyph of a stage: reached, waiting, or to come."""
        return "✓" if self.at else "◐" if self.is_current else "○"


def discard_stages(deployment: Deployment) -> Sequence[CancelStage]:
    """Return the stages of a change that a person has discarded before it began; () for any other."""
    at, user = deployment.cancel_requested_at, deployment.canceled_by
    if at is None or not deployment.cancel_code:
        return ()
    by = _("by %(user)s") % {"user": user.get_username()} if user else ""
    accepted = deployment.cancel_accepted_at
    detail = _("AWS accepted %(action)s") % {"action": "DeleteChangeSet"}
    if not deployment.change_set_id:
        detail = _("no call to AWS was needed")
    return (
        CancelStage(label=pgettext("cancel", "Requested"), at=at, detail=by),
        CancelStage(
            label=pgettext("cancel", "Accepted"),
            at=accepted,
            detail=detail if accepted else _waits(deployment),
            is_current=accepted is None,
        ),
        CancelStage(
            label=pgettext("cancel", "Stopped"),
            at=deployment.ended_at,
            detail=_end(deployment) if deployment.ended_at else "",
            is_current=accepted is not None and deployment.ended_at is None,
        ),
    )


def _waits(deployment: Deployment) -> str:
    if State(deployment.state) is State.STACKS:
        return _("waiting for CloudFormation")
    return _("waiting for the step in progress")


def _end(deployment: Deployment) -> str:
    texts = {
        State.CANCELED: pgettext("status", "Canceled"),
        State.ROLLED_BACK: pgettext("status", "Rolled back"),
        State.SUCCEEDED: pgettext("status", "Succeeded"),
    }
    return texts.get(State(deployment.state), pgettext("status", "Failed"))
