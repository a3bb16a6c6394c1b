"""The states that AWS reports of targets, associations, instances and databases, as badges.

An unknown state is displayed as AWS reports it, in a neutral color.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from deployments.core.health import aws_statuses as meanings
from deployments.core.status import DisplayStatus
from deployments.errors import Message
from deployments.presentation.badges import ATTENTION, ATTENTION_GLYPH, GLYPHS, badge
from deployments.wording import message_text

Look = tuple[str, str, Promise]  # its CSS class, its glyph, its label


def _look(status: DisplayStatus, label: Promise) -> Look:
    return status.value, GLYPHS[status], label


def _warning(label: Promise) -> Look:
    return ATTENTION, ATTENTION_GLYPH, label


# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html
TARGETS: Mapping[str, Look] = {
    "initial": _look(DisplayStatus.PROGRESS, pgettext_lazy("target", "Initial check")),
    "healthy": _look(DisplayStatus.DONE, pgettext_lazy("target", "Healthy")),
    "unhealthy": _look(DisplayStatus.FAILED, pgettext_lazy("target", "Unhealthy")),
    "unhealthy.draining": _look(DisplayStatus.FAILED, pgettext_lazy("target", "Unhealthy, draining")),
    "unused": _look(DisplayStatus.PENDING, pgettext_lazy("target", "Unused")),
    "draining": _look(DisplayStatus.SETTLING, pgettext_lazy("target", "Draining")),
    "unavailable": _look(DisplayStatus.PENDING, pgettext_lazy("target", "Not checked")),
}
# https://docs.aws.amazon.com/systems-manager/latest/userguide/state-manager-about.html
RUNS: Mapping[str, Look] = {
    "Pending": _look(DisplayStatus.WAITING, pgettext_lazy("association", "Waiting")),
    "Associated": _look(DisplayStatus.WAITING, pgettext_lazy("association", "Waiting")),
    "InProgress": _look(DisplayStatus.PROGRESS, pgettext_lazy("association", "Running")),
    "Success": _look(DisplayStatus.DONE, pgettext_lazy("association", "Succeeded")),
    "Failed": _look(DisplayStatus.FAILED, pgettext_lazy("association", "Failed")),
    "TimedOut": _look(DisplayStatus.FAILED, pgettext_lazy("association", "Timed out")),
    "DeliveryTimedOut": _look(DisplayStatus.FAILED, pgettext_lazy("association", "Timed out")),
    "ExecutionTimedOut": _look(DisplayStatus.FAILED, pgettext_lazy("association", "Timed out")),
    "Undeliverable": _look(DisplayStatus.FAILED, pgettext_lazy("association", "Not delivered")),
    "Delayed": _look(DisplayStatus.WAITING, pgettext_lazy("association", "Waiting")),
    "Cancelling": _look(DisplayStatus.SETTLING, pgettext_lazy("association", "Canceling")),
    "Cancelled": _look(DisplayStatus.CANCELLED, pgettext_lazy("association", "Canceled")),
    "Terminated": _look(DisplayStatus.CANCELLED, pgettext_lazy("association", "Canceled")),
    "Skipped": _look(DisplayStatus.CANCELLED, pgettext_lazy("association", "Skipped")),
}
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
LIFECYCLES: Mapping[str, Look] = {
    "Pending": _look(DisplayStatus.PROGRESS, pgettext_lazy("instance", "Starting")),
    "Pending:Wait": _look(
        DisplayStatus.WAITING, pgettext_lazy("instance", "Starting, waiting for a lifecycle hook")
    ),
    "Pending:Proceed": _look(DisplayStatus.PROGRESS, pgettext_lazy("instance", "Starting")),
    "Quarantined": _warning(pgettext_lazy("instance", "Quarantined")),
    "InService": _look(DisplayStatus.DONE, pgettext_lazy("instance", "In service")),
    "Terminating": _look(DisplayStatus.SETTLING, pgettext_lazy("instance", "Terminating")),
    "Terminating:Wait": _look(
        DisplayStatus.WAITING, pgettext_lazy("instance", "Terminating, waiting for a lifecycle hook")
    ),
    "Terminating:Proceed": _look(DisplayStatus.SETTLING, pgettext_lazy("instance", "Terminating")),
    "Terminating:Retained": _warning(pgettext_lazy("instance", "Terminating, retained")),
    "Terminated": _look(DisplayStatus.DELETED, pgettext_lazy("instance", "Ended")),
    "Detaching": _look(DisplayStatus.SETTLING, pgettext_lazy("instance", "Leaving the group")),
    "Detached": _look(DisplayStatus.DELETED, pgettext_lazy("instance", "Left the group")),
    "EnteringStandby": _look(DisplayStatus.SETTLING, pgettext_lazy("instance", "Entering standby")),
    "Standby": _look(DisplayStatus.PENDING, pgettext_lazy("instance", "Standby")),
}
# https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Activity.html
ACTIVITIES: Mapping[str, Look] = {
    "PendingSpotBidPlacement": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "WaitingForSpotInstanceRequestId": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "WaitingForSpotInstanceId": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "WaitingForInstanceId": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "PreInService": _look(DisplayStatus.PROGRESS, pgettext_lazy("activity", "Starting")),
    "InProgress": _look(DisplayStatus.PROGRESS, pgettext_lazy("activity", "In progress")),
    "WaitingForELBConnectionDraining": _look(
        DisplayStatus.WAITING, pgettext_lazy("activity", "Draining connections")
    ),
    "MidLifecycleAction": _look(
        DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting for a lifecycle hook")
    ),
    "WaitingForInstanceWarmup": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Warming up")),
    "WaitingForConnectionDraining": _look(
        DisplayStatus.WAITING, pgettext_lazy("activity", "Draining connections")
    ),
    "WaitingForInPlaceUpdateToStart": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "WaitingForInPlaceUpdateToFinalize": _look(DisplayStatus.WAITING, pgettext_lazy("activity", "Waiting")),
    "InPlaceUpdateInProgress": _look(DisplayStatus.PROGRESS, pgettext_lazy("activity", "In progress")),
    "Successful": _look(DisplayStatus.DONE, pgettext_lazy("activity", "Succeeded")),
    "Failed": _look(DisplayStatus.FAILED, pgettext_lazy("activity", "Failed")),
    "Cancelled": _look(DisplayStatus.CANCELLED, pgettext_lazy("activity", "Canceled")),
}
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
DATABASES: Mapping[str, Look] = {
    "available": _look(DisplayStatus.DONE, pgettext_lazy("database", "Available")),
    "creating": _look(DisplayStatus.PROGRESS, pgettext_lazy("database", "Creating")),
    "configuring-enhanced-monitoring": _look(
        DisplayStatus.SETTLING, pgettext_lazy("database", "Configuring")
    ),
    "configuring-log-exports": _look(DisplayStatus.SETTLING, pgettext_lazy("database", "Configuring")),
    "modifying": _look(DisplayStatus.SETTLING, pgettext_lazy("database", "Modifying")),
    "backing-up": _look(DisplayStatus.DONE, pgettext_lazy("database", "Available, backing up")),
    "upgrading": _look(DisplayStatus.PROGRESS, pgettext_lazy("database", "Upgrading")),
    "failing-over": _warning(pgettext_lazy("database", "Failing over")),
    "promoting": _look(DisplayStatus.PROGRESS, pgettext_lazy("database", "Being promoted to writer")),
    "rebooting": _warning(pgettext_lazy("database", "Restarting")),
    "starting": _look(DisplayStatus.PROGRESS, pgettext_lazy("database", "Starting")),
    "stopping": _look(DisplayStatus.SETTLING, pgettext_lazy("database", "Stopping")),
    "stopped": _look(DisplayStatus.FAILED, pgettext_lazy("database", "Stopped")),
    "maintenance": _warning(pgettext_lazy("database", "Under maintenance")),
    "deleting": _look(DisplayStatus.SETTLING, pgettext_lazy("database", "Deleting")),
    "failed": _look(DisplayStatus.FAILED, pgettext_lazy("database", "Failed")),
    "storage-full": _look(DisplayStatus.FAILED, pgettext_lazy("database", "Storage full")),
    "inaccessible-encryption-credentials": _look(
        DisplayStatus.FAILED, pgettext_lazy("database", "Encryption key inaccessible")
    ),
}
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerState.html
LOAD_BALANCERS: Mapping[str, Look] = {
    "provisioning": _look(DisplayStatus.PROGRESS, pgettext_lazy("load balancer", "Provisioning")),
    "active": _look(DisplayStatus.DONE, pgettext_lazy("load balancer", "Active")),
    "active_impaired": _warning(pgettext_lazy("load balancer", "Active, cannot scale")),
    "failed": _look(DisplayStatus.FAILED, pgettext_lazy("load balancer", "Failed")),
}
NEUTRAL = (DisplayStatus.PENDING.value, GLYPHS[DisplayStatus.PENDING])


def sentence_text(sentence: Message | None, *, about_it: bool = False) -> str:
    """Return a sentence in the reader's language; "" for none.

    `about_it` is for places that name the thing already: the sentence says "it" instead.
    """
    if sentence is None:
        return ""
    if about_it and "where" in sentence.params:
        sentence = Message(
            sentence.code, {**sentence.params, "where": pgettext("a server or database", "it")}
        )
    return message_text(sentence)


def state_badge(looks: Mapping[str, Look], state: str, *, raw: str = "") -> SafeString:
    """Return the badge of one of AWS's states; `raw` is displayed below it."""
    look = looks.get(state)
    if look is None:
        return badge(*NEUTRAL, state or _("unknown"), raw=raw if raw != state else "")
    kind, glyph, label = look
    return badge(kind, glyph, label, raw=raw)


def target(state: str) -> SafeString:
    """Return the badge of a target."""
    return state_badge(TARGETS, state)


def reason(state: str, code: str, description: str = "") -> str:
    """Return why a target is not healthy, in words; what the load balancer said where there are none."""
    meaning = meanings.of_target(state, code)
    return sentence_text(meaning.message("it", code or state), about_it=True) or description or code


def run(status: str, detailed: str = "") -> SafeString:
    """Return the badge of an association's run; State Manager's details below when they say more."""
    return state_badge(RUNS, status, raw=detailed if detailed not in ("", status) else "")


def lifecycle(state: str) -> SafeString:
    """Return the badge of an instance's place in its group's life."""
    return state_badge(LIFECYCLES, state)


def activity(status: str) -> SafeString:
    """Return the badge of a scaling activity."""
    return state_badge(ACTIVITIES, status)


def database(status: str) -> SafeString:
    """Return the badge of a cluster or one of its instances."""
    return state_badge(DATABASES, status)


def load_balancer(state: str) -> SafeString:
    """Return the badge of a load balancer."""
    return state_badge(LOAD_BALANCERS, state)
