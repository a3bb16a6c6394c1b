"""Cancellation on a deployment's pages: its effect, and the progress of a requested one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.access.pages.who_can_grant import who_can_grant
from deployments.access.texts.commands import permission_needed
from deployments.changes.display.previews import CancelStage, _end, _waits
from deployments.cloudformation.timeline import Changes
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text, stored_text
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import ROLLBACKS, Kind, State
from deployments.recovery.commands.cancel import effect_of
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from deployments.stacks.rules.progress import turns_back


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOffer:
    """The button of a deployment's page: its address, or why the deployment cannot be canceled.

    `needs` is the suffix of the CSS class for users with the permission.
    """

    url: str = ""
    reason: str = ""
    needs: str = "deploy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """The card of a cancellation. `refusal`: why it was not possible; `result`: its outcome."""

    title: str
    stages: Sequence[CancelStage] = ()
    refusal: str = ""
    result: str = ""
    unmet: Sequence[Any] = ()

    @property
    def look(self) -> str:
        """Return the end of the card's CSS class."""
        return "attention" if self.refusal else "pending"


def cancel_offer(deployment: Deployment, root_status: str) -> CancelOffer | None:
    """Return the button of an active deployment; None once it is being canceled, and for a recording."""
    if not deployment.is_active or deployment.environment.account.is_recording:
        return None
    if deployment.is_stopping or deployment.is_cancel_pending:
        return None
    needs = "change" if deployment.kind in ROLLBACKS | {Kind.UPDATE} else "deploy"
    effect = effect_of(deployment, root_status)
    if isinstance(effect, Message):
        return CancelOffer(reason=message_text(effect), needs=needs)
    return CancelOffer(url=reverse("deployment_cancel", args=[deployment.pk]), needs=needs)


def permission_text(permission: str, environment: Environment) -> str:
    """Return the sentences for a user without the permission to cancel."""
    return f"{permission_needed(permission)} {who_can_grant(environment)}"


def explanation(deployment: Deployment, effect: CancelEffect) -> dict[str, Any]:
    """Return the effect of canceling in this phase, for the confirmation page."""
    name = deployment.environment.name
    withdrawal = (
        _("Withdraw the deletion of %(name)s?"),
        _("Withdraw deletion"),
        [_("The deletion waits for approval and has not begun. Nothing was changed in AWS.")],
    )
    texts = {
        CancelEffect.DISCARD: (
            _("Discard the change of %(name)s?"),
            _("Discard change"),
            [_("The change has not begun. Its change set is deleted; nothing was changed in AWS.")],
        ),
        CancelEffect.END: (
            _("Cancel the creation of %(name)s?"),
            _("Cancel creation"),
            [
                _("CloudFormation has not begun, so there is nothing to delete."),
                _("The name can be used again at once. Uploaded templates stay in the artifact bucket."),
            ],
        ),
        CancelEffect.DELETE: (
            _("Cancel the creation of %(name)s and delete its stack?"),
            _("Cancel and delete the stack"),
            [
                _("CloudFormation stops creating resources and deletes the root stack."),
                _("Everything that was created so far is deleted, with its data. This cannot be undone."),
                _("Resources that are being created are finished first, which can take several minutes."),
            ],
        ),
        CancelEffect.ROLL_BACK: (
            _("Cancel the update of %(name)s and roll it back?"),
            _("Cancel and roll back"),
            [
                _("CloudFormation stops the update (CancelUpdateStack) and rolls the stack back."),
                _("The environment returns to the templates and values that it had before the update."),
                _("Resources that were already replaced are created again or kept. The rollback takes time "
                    "as well."),
            ],
        ),
        CancelEffect.STOP_RELEASE: (
            _("Stop the release to %(name)s?"),
            _("Stop release"),
            [
                _("The server that is being changed is finished. No further server is changed."),
                _("The stacks are not changed. Servers then run different versions."),
                _("Go back, or request the change again, to bring them to the same version."),
            ],
        ),
        CancelEffect.STOP_WAITING: (
            _("Stop waiting for %(name)s?"),
            _("Stop waiting"),
            [
                _("The stacks are complete. Sanso stops waiting until the environment is ready."),
                _("Nothing is changed or deleted in AWS: the stack stays, and State Manager continues."),
                _("The environment may not be ready yet. Its page keeps showing its health."),
            ],
        ),
        CancelEffect.LEAVE_UNPROTECTED: (
            _("Leave %(name)s without deletion protection?"),
            _("Stop waiting for protection"),
            [
                _("The environment is ready. Only deletion protection is still being switched on."),
                _("The deployment ends as succeeded and not protected. An update of the stack that has begun "
                  "continues in AWS."),
                _("You can switch protection on again from the environment's page."),
            ],
        ),
    }  # fmt: skip
    title, button, sentences = withdrawal if deployment.kind == Kind.DELETE else texts[effect]
    if deployment.is_scheduled_creation:
        sentences = [_("It has not begun. Nothing exists in AWS."), _("The name can be used again at once.")]
    return {
        "title": title % {"name": name},
        "button": button,
        "sentences": sentences,
        "is_destructive": effect is CancelEffect.DELETE,
        "created": Resource.objects.remaining_of(deployment).count()  # so far
        if effect is CancelEffect.DELETE
        else None,
    }


def cancellation(
    deployment: Deployment, events: Sequence[Event], root_changes: Changes
) -> Cancellation | None:
    """Return the card of a deployment whose cancellation was requested; None for any other.

    `events` are the portal's own; `root_changes` the status changes of the root stack.
    """
    requested = [event for event in events if event.code == "cancel.requested"]
    if deployment.cancel_requested_at is None or not requested:
        return None
    last = requested[-1]
    refused = next((e for e in events if e.code == "cancel.refused" and e.seq > last.seq), None)
    accepted = next((e for e in events if e.code == "cancel.accepted" and e.seq > last.seq), None)
    first = CancelStage(
        label=pgettext("cancel", "Requested"),
        at=last.at,
        detail=_("by %(user)s") % {"user": last.values.get("user", "")},
        status=str(last.values.get("status", "")),
    )
    if refused is not None:
        return _not_canceled(first, stored_text(refused.values.get("message") or {}, ""))
    if accepted is None and not deployment.is_active:
        return _not_canceled(first, message_text(Message(Code.CANCEL_AFTER_END)))
    stages = (first, _accepted(deployment, accepted), _stopped(deployment, accepted, root_changes))
    return Cancellation(
        title=_title(deployment),
        stages=stages,
        result=_result(deployment),
        unmet=_unmet(deployment),
    )


def _not_canceled(first: CancelStage, why: str) -> Cancellation:
    return Cancellation(title=_("Not canceled"), stages=(first,), refusal=why)


def _accepted(deployment: Deployment, accepted: Event | None) -> CancelStage:
    if accepted is None:
        return CancelStage(label=pgettext("cancel", "Accepted"), is_current=True, detail=_waits(deployment))
    action = str(accepted.values.get("action", ""))
    detail = _("AWS accepted %(action)s") % {"action": action.partition(":")[2]} if action else ""
    return CancelStage(
        label=pgettext("cancel", "Accepted"),
        at=accepted.at,
        detail=detail or _("no call to AWS was needed"),
        status=str(accepted.values.get("status", "")),
    )


def _stopped(deployment: Deployment, accepted: Event | None, changes: Changes) -> CancelStage:
    label, kind = pgettext("cancel", "Stopped"), Kind(deployment.kind)
    back = [str(one[1]) for one in changes if len(one) == 2 and turns_back(kind, str(one[1]))]
    status = back[-1] if back and accepted else ""
    if deployment.ended_at is not None:
        return CancelStage(label=label, at=deployment.ended_at, detail=_end(deployment), status=status)
    if accepted is None:
        return CancelStage(label=label)
    return CancelStage(label=label, is_current=True, detail=_goes_on(deployment), status=status)


def _goes_on(deployment: Deployment) -> str:
    if deployment.kind == Kind.UPDATE:
        return _("CloudFormation is rolling the stack back")
    return _("CloudFormation is deleting the stack")


def _title(deployment: Deployment) -> str:
    if deployment.is_active:
        return _("Canceling…")
    if deployment.was_canceled:
        return headlines.canceled(deployment.cancel_code, deployment.environment.name)
    if deployment.state == State.SUCCEEDED:
        return _("Deletion protection canceled")
    return _("Canceled, but not undone completely")


def _result(deployment: Deployment) -> str:
    """Return the outcome for the environment; "" while it is open or in the banner of a failure."""
    if deployment.is_active or deployment.state == State.FAILED:
        return ""
    texts = {
        CancelEffect.END: _("Nothing was created in AWS. The environment's name can be used again."),
        CancelEffect.DELETE: _(
            "The stack was deleted with everything that it had created. The environment's name can be used "
            "again."
        ),
        CancelEffect.ROLL_BACK: _(
            "The environment is back to its templates and values from before the update. It can be changed "
            "again."
        ),
        CancelEffect.STOP_RELEASE: _(
            "Servers may run different versions. Go back, or request the change again, to bring them to the "
            "same one."
        ),
        CancelEffect.STOP_WAITING: _(
            "The stack is complete and stays. The environment may not be ready; its page shows its health."
        ),
        CancelEffect.LEAVE_UNPROTECTED: _("The environment is ready, without deletion protection."),
    }
    return texts.get(_effect(deployment), "")


def _effect(deployment: Deployment) -> CancelEffect:
    """Return the effect of a cancellation: one requested before the stacks may take effect within them."""
    if deployment.state == State.ROLLED_BACK:
        return CancelEffect.ROLL_BACK
    if deployment.cancel_code == CancelEffect.END and deployment.stack_id:
        return CancelEffect.DELETE
    known = {effect.value: effect for effect in CancelEffect}
    return known.get(deployment.cancel_code, CancelEffect.DISCARD)


def _unmet(deployment: Deployment) -> Sequence[Any]:
    """Return the conditions of readiness that were not met when the wait stopped."""
    if deployment.is_active or deployment.cancel_code != CancelEffect.STOP_WAITING:
        return ()
    return list(deployment.waiting_for)
