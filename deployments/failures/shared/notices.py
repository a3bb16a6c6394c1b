"""The notification about the end of a deployment: its result, why it failed, and what remains."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deployments.cloudformation.remaining import Remaining, SearchState
from deployments.cloudformation.root_cause import Failure, first_failure
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import Kind, State
from deployments.failures.models import Evidence
from deployments.failures.rules.catalogue import cause_of
from deployments.notifications.rules.topics import Topic, topic_of_result
from deployments.notifications.shared import outbox
from deployments.notifications.shared.outbox import about_deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.timeline import failures_of

MAX_TEXT = 2000
"""Characters of AWS's reason in a notification."""

MAX_REMAINING = 20
"""Remaining resources that a notification lists; it counts the others."""

WAIT_FOR_SEARCH = timedelta(seconds=30)
"""How long a message waits at most for the search for what remains, which takes a few seconds."""


def deployment_ended(deployment: Deployment, now: datetime) -> None:
    """Notify about a deployment that has ended; not about a change that was never applied.

    While the search for what remains is in progress, the message waits for its result, but not for long:
    see `remaining_searched`.
    """
    if not _is_result(deployment):
        return
    state = State(deployment.state)
    topic = topic_of_result(state, was_canceled=deployment.was_canceled)
    targets = outbox.destinations_of(topic, deployment.environment)
    if not targets:
        return
    payload = about_deployment(deployment) | {
        "state": deployment.state,
        "reason": deployment.reason,
        "began_at": deployment.began_at.isoformat(),
        "ended_at": now.isoformat(),
    }
    if topic is Topic.DEPLOYMENT_FAILED:
        payload |= _why(deployment)
    if deployment.cancel_code:
        user = deployment.canceled_by
        payload["canceled"] = {"code": deployment.cancel_code, "by": user.get_username() if user else ""}
    remaining = remaining_of(deployment)
    if remaining.resources or remaining.search is not SearchState.NONE:
        payload["remaining"] = _remaining(remaining)
    outbox.write(
        targets,
        topic,
        f"{topic}:{deployment.pk}",
        payload,
        now,
        environment=deployment.environment,
        deployment=deployment,
        wait=WAIT_FOR_SEARCH if remaining.search is SearchState.PENDING else timedelta(0),
    )


def _is_result(deployment: Deployment) -> bool:
    """Return whether the end of a deployment is a result, not that of something nobody has begun.

    A change is one when somebody has applied it, also if it waited for an approval or for its time. A denied
    request and an expired one are notified by their approval.
    """
    if deployment.state == State.CANCELED and deployment.cancel_code == "denied":
        return False
    if deployment.is_deletion_request:
        return False
    is_applied = deployment.applied_at is not None or deployment.applied_by is not None
    return deployment.kind != Kind.UPDATE or is_applied or deployment.operation == "take_over"


def remaining_searched(deployment: Deployment, now: datetime) -> None:
    """Add what the search has found to the messages about a deployment's end that wait for it."""
    outbox.complete(deployment, {"remaining": _remaining(remaining_of(deployment))}, now)


def _remaining(found: Remaining) -> dict[str, Any]:
    """Return what remains in AWS: how many resources, how many of them are billed, and the first of them."""
    return {
        "search": str(found.search),
        "resources": len(found.resources),
        "billed": len(found.billed),
        "problems": sorted(found.problems),
        "items": [
            {"type": one.type, "id": one.id, "billing": str(one.billing)}
            for one in found.resources[:MAX_REMAINING]
        ],
    }


def _why(deployment: Deployment) -> dict[str, Any]:
    """Return the first failure, its cause if it is a known one, and the portal's text about it."""
    found: dict[str, Any] = {"error": {"code": deployment.error_code, "message": deployment.error_sentence}}
    failure = first_failure(failures_of(deployment, Event.objects.of(deployment).landmarks()))
    if failure is not None:
        found["first_failure"] = _failed(failure)
    found |= _cause(deployment, failure)
    output = Evidence.objects.of(deployment).filter(kind="association_output").exclude(text="").first()
    if output is not None and (lines := output.text.splitlines()):
        found["server"] = {"id": output.subject.partition(" ")[0], "output": lines[0][:MAX_TEXT]}
    return found


def _failed(failure: Failure) -> dict[str, str]:
    return {
        "stack": failure.path,
        "logical_id": failure.logical_id,
        "type": failure.type,
        "status": failure.status,
        "reason": failure.reason[:MAX_TEXT],
    }


def _cause(deployment: Deployment, failure: Failure | None) -> dict[str, Any]:
    """Return the known cause of a failure, or of a failed step whose servers lack a connection."""
    type_, reason = (failure.type, failure.reason) if failure else ("", "")
    pieces = Evidence.objects
    known = cause_of(type_, reason, pieces.connections_of(deployment), pieces.findings_of(deployment))
    return {"cause": {"code": known.cause.code, "values": dict(known.values)}} if known else {}
