"""A change on pages before it begins and after it failed: preview, stages of discarding, retry, way back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State
from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.cause import RecognizedCause, named_parameter
from deployments.stacks.commands.change_base import current_digest
from deployments.stacks.models.stacks import STACK_TYPE
from deployments.template_sets.models.stored_sets import DeployedSet


def is_preview(deployment: Deployment) -> bool:
    """Return whether a deployment's page is its preview: a change whose stacks have not begun."""
    if deployment.kind != Kind.UPDATE or deployment.operation not in ("", "plan"):
        return False
    state = State(deployment.state)
    if state in BEFORE_STACKS or state is State.CANCELED or deployment.changed_nothing:
        return True
    return state is State.FAILED and State(deployment.last_phase) in BEFORE_STACKS


def is_retriable(deployment: Deployment) -> bool:
    """Return whether the form of a change can be opened with the values of a failed one."""
    is_change = deployment.kind == Kind.UPDATE and deployment.operation != "take_over"
    status = deployment.environment.stack_status
    return is_change and deployment.is_failed_change and is_allowed(status, Operation.CHANGE)


def retry_url(deployment: Deployment, known: RecognizedCause | None) -> str:
    """Return the address of the form with the values of a failed change, at the field of the cause."""
    names = list(dict.fromkeys([*deployment.parameters, *deployment.environment.parameters]))
    field = named_parameter(known, names)
    query = {"from": str(deployment.pk)} | ({"field": field} if field else {})
    return f"{reverse('environment_change', args=[deployment.environment_id])}?{urlencode(query)}"


def cause_of_rejection(deployment: Deployment) -> RecognizedCause | None:
    """Return the known cause for which CloudFormation rejected a change set; None for another failure."""
    if deployment.error_code != "ChangeSetFailed":
        return None
    params = (deployment.error_sentence or {}).get("params")
    reason = params.get("reason", "") if isinstance(params, dict) else ""
    return recognize(STACK_TYPE, str(reason))


def without_set(rows: Iterable[Deployment]) -> set[int]:
    """Return the keys of the deployments whose template set no longer exists (one query).

    Earlier versions of Sanso stored none.
    """
    digests = {one.pk: one.template_digest for one in rows}
    found = DeployedSet.objects.filter(digest__in=set(digests.values()))
    stored = set(found.values_list("digest", flat=True))
    stored.add(current_digest())
    return {pk for pk, digest in digests.items() if digest not in stored}


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
