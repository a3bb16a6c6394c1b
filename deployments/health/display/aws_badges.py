"""The labels and badges of the statuses that AWS reports (`deployments/health/rules/aws_statuses.py`).

A status without a label is displayed as AWS reports it; an unknown one in a neutral color.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import Message
from deployments.common.texts import message_text
from deployments.environments.display.badges import status_badge
from deployments.health.rules import aws_statuses
from deployments.health.rules.aws_statuses import AwsStatus

Labels = Mapping[str, Promise]

TARGETS: Labels = {
    "initial": pgettext_lazy("target", "Initial check"),
    "healthy": pgettext_lazy("target", "Healthy"),
    "unhealthy": pgettext_lazy("target", "Unhealthy"),
    "unhealthy.draining": pgettext_lazy("target", "Unhealthy, draining"),
    "unused": pgettext_lazy("target", "Unused"),
    "draining": pgettext_lazy("target", "Draining"),
    "unavailable": pgettext_lazy("target", "Not checked"),
}
RUNS: Labels = {
    "Pending": pgettext_lazy("association", "Waiting"),
    "Associated": pgettext_lazy("association", "Waiting"),
    "InProgress": pgettext_lazy("association", "Running"),
    "Success": pgettext_lazy("association", "Succeeded"),
    "Failed": pgettext_lazy("association", "Failed"),
    "TimedOut": pgettext_lazy("association", "Timed out"),
    "DeliveryTimedOut": pgettext_lazy("association", "Timed out"),
    "ExecutionTimedOut": pgettext_lazy("association", "Timed out"),
    "Undeliverable": pgettext_lazy("association", "Not delivered"),
    "Delayed": pgettext_lazy("association", "Waiting"),
    "Cancelling": pgettext_lazy("association", "Canceling"),
    "Cancelled": pgettext_lazy("association", "Canceled"),
    "Terminated": pgettext_lazy("association", "Canceled"),
    "Skipped": pgettext_lazy("association", "Skipped"),
}
LIFECYCLES: Labels = {
    "Pending": pgettext_lazy("instance", "Starting"),
    "Pending:Wait": pgettext_lazy("instance", "Starting, waiting for a lifecycle hook"),
    "Pending:Proceed": pgettext_lazy("instance", "Starting"),
    "Quarantined": pgettext_lazy("instance", "Quarantined"),
    "InService": pgettext_lazy("instance", "In service"),
    "Terminating": pgettext_lazy("instance", "Terminating"),
    "Terminating:Wait": pgettext_lazy("instance", "Terminating, waiting for a lifecycle hook"),
    "Terminating:Proceed": pgettext_lazy("instance", "Terminating"),
    "Terminating:Retained": pgettext_lazy("instance", "Terminating, retained"),
    "Terminated": pgettext_lazy("instance", "Ended"),
    "Detaching": pgettext_lazy("instance", "Leaving the group"),
    "Detached": pgettext_lazy("instance", "Left the group"),
    "EnteringStandby": pgettext_lazy("instance", "Entering standby"),
    "Standby": pgettext_lazy("instance", "Standby"),
}
ACTIVITIES: Labels = {
    "PendingSpotBidPlacement": pgettext_lazy("activity", "Waiting"),
    "WaitingForSpotInstanceRequestId": pgettext_lazy("activity", "Waiting"),
    "WaitingForSpotInstanceId": pgettext_lazy("activity", "Waiting"),
    "WaitingForInstanceId": pgettext_lazy("activity", "Waiting"),
    "PreInService": pgettext_lazy("activity", "Starting"),
    "InProgress": pgettext_lazy("activity", "In progress"),
    "WaitingForELBConnectionDraining": pgettext_lazy("activity", "Draining connections"),
    "MidLifecycleAction": pgettext_lazy("activity", "Waiting for a lifecycle hook"),
    "WaitingForInstanceWarmup": pgettext_lazy("activity", "Warming up"),
    "WaitingForConnectionDraining": pgettext_lazy("activity", "Draining connections"),
    "WaitingForInPlaceUpdateToStart": pgettext_lazy("activity", "Waiting"),
    "WaitingForInPlaceUpdateToFinalize": pgettext_lazy("activity", "Waiting"),
    "InPlaceUpdateInProgress": pgettext_lazy("activity", "In progress"),
    "Successful": pgettext_lazy("activity", "Succeeded"),
    "Failed": pgettext_lazy("activity", "Failed"),
    "Cancelled": pgettext_lazy("activity", "Canceled"),
}
DATABASES: Labels = {
    "available": pgettext_lazy("database", "Available"),
    "creating": pgettext_lazy("database", "Creating"),
    "configuring-enhanced-monitoring": pgettext_lazy("database", "Configuring"),
    "configuring-log-exports": pgettext_lazy("database", "Configuring"),
    "modifying": pgettext_lazy("database", "Modifying"),
    "backing-up": pgettext_lazy("database", "Available, backing up"),
    "upgrading": pgettext_lazy("database", "Upgrading"),
    "failing-over": pgettext_lazy("database", "Failing over"),
    "promoting": pgettext_lazy("database", "Being promoted to writer"),
    "rebooting": pgettext_lazy("database", "Restarting"),
    "starting": pgettext_lazy("database", "Starting"),
    "stopping": pgettext_lazy("database", "Stopping"),
    "stopped": pgettext_lazy("database", "Stopped"),
    "maintenance": pgettext_lazy("database", "Under maintenance"),
    "deleting": pgettext_lazy("database", "Deleting"),
    "failed": pgettext_lazy("database", "Failed"),
    "storage-full": pgettext_lazy("database", "Storage full"),
    "inaccessible-encryption-credentials": pgettext_lazy("database", "Encryption key inaccessible"),
}
LOAD_BALANCERS: Labels = {
    "provisioning": pgettext_lazy("load balancer", "Provisioning"),
    "active": pgettext_lazy("load balancer", "Active"),
    "active_impaired": pgettext_lazy("load balancer", "Active, cannot scale"),
    "failed": pgettext_lazy("load balancer", "Failed"),
}


def sentence_text(sentence: Message | None, *, about_it: bool = False) -> str:
    """Return a sentence in the current language; "" for none.

    `about_it` is for places that already name the component: the sentence has "it" instead of the name.
    """
    if sentence is None:
        return ""
    if about_it and "where" in sentence.params:
        sentence = Message(
            sentence.code, {**sentence.params, "where": pgettext("a server or database", "it")}
        )
    return message_text(sentence)


def _badge(display: DisplayStatus | None, labels: Labels, status: str, *, raw: str = "") -> SafeString:
    """Return the badge of an AWS status, which is its label if it has none; `raw` is displayed below it."""
    if display is None or status not in labels:
        return status_badge(
            display or DisplayStatus.PENDING, status or _("unknown"), raw=raw if raw != status else ""
        )
    return status_badge(display, labels[status], raw=raw)


def _of(known: Mapping[str, AwsStatus], labels: Labels, status: str) -> SafeString:
    meaning = known.get(status)
    return _badge(meaning.display if meaning else None, labels, status)


def target(state: str) -> SafeString:
    """Return the badge of a target."""
    return _of(aws_statuses.TARGET_STATES, TARGETS, state)


def reason(state: str, code: str, description: str = "") -> str:
    """Return the text of why a target is not healthy; the load balancer's own reason if there is no text."""
    meaning = aws_statuses.of_target(state, code)
    return sentence_text(meaning.message("it", code or state), about_it=True) or description or code


def run(status: str, detailed: str = "") -> SafeString:
    """Return the badge of an association's run, with State Manager's details below if they add something."""
    raw = detailed if detailed not in ("", status) else ""
    return _badge(aws_statuses.RUNS.get(status), RUNS, status, raw=raw)


def lifecycle(state: str) -> SafeString:
    """Return the badge of an instance's lifecycle state in its group."""
    return _of(aws_statuses.LIFECYCLES, LIFECYCLES, state)


def activity(status: str) -> SafeString:
    """Return the badge of a scaling activity."""
    return _badge(aws_statuses.ACTIVITIES.get(status), ACTIVITIES, status)


def database(status: str) -> SafeString:
    """Return the badge of a cluster or one of its instances."""
    return _of(aws_statuses.DATABASES, DATABASES, status)


def load_balancer(state: str) -> SafeString:
    """Return the badge of a load balancer."""
    return _of(aws_statuses.LOAD_BALANCERS, LOAD_BALANCERS, state)
