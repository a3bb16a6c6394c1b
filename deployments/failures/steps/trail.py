"""Who or what denied or changed the resource that failed first, from CloudTrail, where the role may read it.

There are two sweeps: one after the deployment, and another one later, since events arrive late. What is found
is stored as evidence, each event once, without the parameters of the call.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html (delivery)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudtrail import CloudTrail, TrailEvent
from deployments.aws.session import Clients
from deployments.aws.tagged_arns import read_arn
from deployments.cloudformation.root_cause import Failure
from deployments.common.errors import AwsFailure, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.common.rules.aws_error_codes import denied_action, is_denied
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence, trail_of
from deployments.failures.rules import permissions
from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.cause import EvidenceKind
from deployments.failures.steps import evidence
from deployments.stacks.models.action_requests import ActionRequest, ContinueLater
from deployments.stacks.models.events import Event
from deployments.stacks.shared import event_log

SEARCH_TRAIL = "search_trail"
AGAIN_AFTER = timedelta(minutes=15)
"""Until the second sweep, in AWS's own time; most events are there after five minutes."""
SHORTEST = timedelta(seconds=2)
MAX_EVENTS = 200
"""Events of CloudFormation that a sweep reads, the newest before the failure: four pages."""
FOUND = 3
"""Calls of each kind that are stored, the nearest to the failure."""
CLOCKS = timedelta(seconds=5)
"""Events have whole seconds, and the clocks of services differ."""
SERVICE_SESSION = "AWSCloudFormation"
"""The name of the session in which CloudFormation uses its service role."""
_CLOUDFORMATION = "cloudformation.amazonaws.com"
_OWN_SESSION = "/sanso"  # see deployments/aws/session.py


def request_sweeps(deployment: Deployment, state: State, now: datetime) -> None:
    """Make the sweeps due after a failure of a resource; not if somebody stopped the deployment."""
    if state not in (State.FAILED, State.ROLLED_BACK) or deployment.is_stopping:
        return
    if evidence.failure_of(deployment) is None:
        return
    ActionRequest.objects.get_or_create(
        active_key=f"{deployment.environment_id}:{SEARCH_TRAIL}:{deployment.pk}",
        defaults={
            "environment_id": deployment.environment_id,
            "kind": SEARCH_TRAIL,
            "asked_by_id": deployment.requested_by_id,
            "arguments": {"deployment": deployment.pk},
            "due_at": now,
        },
    )


def sweep(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Search the event history, and raise ContinueLater until the second sweep is done.

    The second sweep is the one after its time, whatever became of the first: a worker that is killed between
    them loses nothing, and a portal that was stopped meanwhile makes one. If the role may not read
    CloudTrail, this is stored once, and the request ends. Raise AwsRetryable if AWS throttles the call.
    """
    deployment = Deployment.objects.for_page().get(pk=int(str(row.arguments["deployment"])))
    failure = evidence.failure_of(deployment)
    if failure is None:
        return {}
    until_last = _last_at(deployment) - timezone.now()
    if until_last > timedelta(0) and row.result.get("swept"):
        raise ContinueLater(until_last.total_seconds())
    try:
        found = list(_search(deployment, failure, clients.cloudtrail))
    except AwsRetryable:
        raise
    except AwsFailure as exc:
        _keep(deployment, exc.operation, evidence.unreadable(exc), timezone.now())
        return {}
    _store(row, deployment, found)
    if until_last > timedelta(0):
        raise ContinueLater(until_last.total_seconds())
    return {}


def _last_at(deployment: Deployment) -> datetime:
    """Return when the second sweep is due."""
    delay = max(SHORTEST, AGAIN_AFTER * deployment.environment.account.timings.scale)
    return (deployment.ended_at or deployment.created_at) + delay


def _store(row: ActionRequest, deployment: Deployment, found: list[tuple[TrailEvent, Message]]) -> None:
    with transaction.atomic():
        new = [_keep(deployment, one.event_id, message, one.at) for one, message in found]
        row.result = row.result | {"swept": True}
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(result=row.result)
        if any(new):
            number = len(trail_of(Evidence.objects.of(deployment)))
            event_log.add(deployment, "trail.found", key=f"{row.pk}:{number}", calls=number)


def _keep(deployment: Deployment, subject: str, message: Message, at: datetime) -> bool:
    """Store a finding unless it is stored. Return whether it is new."""
    values = {"problem": message.as_json(), "at": at}
    _row, is_new = Evidence.objects.get_or_create(
        deployment=deployment, kind=str(EvidenceKind.TRAIL), subject=subject, defaults=values
    )
    return is_new


def _search(
    deployment: Deployment, failure: Failure, cloudtrail: CloudTrail
) -> Iterator[tuple[TrailEvent, Message]]:
    """Yield the calls behind a failure: those that were denied, or else changed the resource before."""
    denied = list(_denied(deployment, failure, cloudtrail)) if _is_denial(failure) else []
    yield from denied or _changed(deployment, failure, cloudtrail)


def _is_denial(failure: Failure) -> bool:
    known = recognize(failure.type, failure.reason)
    return known is not None and known.cause in permissions.CAUSES


def _denied(
    deployment: Deployment, failure: Failure, cloudtrail: CloudTrail
) -> Iterator[tuple[TrailEvent, Message]]:
    """Yield the denied calls while the resource was worked on: of its action or service, or else all.

    CloudFormation's handlers also make calls that they can do without.
    """
    began = Event.objects.of(deployment).start_of(failure) or failure.at - evidence.LONGEST_INVOCATION
    users = [SERVICE_SESSION, *evidence.function_names(deployment, failure)]
    calls = [
        (one, denied_action(one.code, one.message, one.action))
        for user in users
        for one in cloudtrail.by_user(user, began - CLOCKS, failure.at + CLOCKS, MAX_EVENTS)
        if is_denied(one.code)
    ]
    named = denied_action("AccessDenied", failure.reason, "")
    service = _service_of(failure.type)
    nearest = (
        [one for one in calls if one[1] == named]
        or [one for one in calls if one[1].partition(":")[0] == service]
        or calls
    )
    seen: set[tuple[str, str]] = set()
    for one, action in nearest:
        if (one.principal, action) not in seen and len(seen) < FOUND:  # a handler repeats its calls
            seen.add((one.principal, action))
            values = {"who": _caller(one), "action": action, "code": one.code}
            yield one, Message(Code.TRAIL_DENIED, values)


def _service_of(resource_type: str) -> str:
    parts = resource_type.lower().split("::")
    return {"elasticloadbalancingv2": "elasticloadbalancing"}.get(parts[1], parts[1]) if parts[1:] else ""


def _changed(
    deployment: Deployment, failure: Failure, cloudtrail: CloudTrail
) -> Iterator[tuple[TrailEvent, Message]]:
    """Yield the changes of the resource before its failure that neither CloudFormation nor Sanso made."""
    row = evidence.row_at(deployment, failure)
    found = {
        one.event_id: one
        for name in (_names_of(row.physical_id) if row else ())
        for one in cloudtrail.of_resource(name, failure.at + CLOCKS)
        if not (one.is_read or one.code or _is_own(one))
    }
    for one in sorted(found.values(), key=lambda one: one.at, reverse=True)[:FOUND]:
        yield one, Message(Code.TRAIL_CHANGED, {"who": _caller(one), "action": one.action})


def _names_of(physical_id: str) -> list[str]:
    """Return the names by which services report a resource: its id, or the name in its ARN."""
    if not physical_id.startswith("arn:"):
        return [one for one in physical_id.split("|") if one]
    arn = read_arn(physical_id)
    return list(dict.fromkeys([physical_id, arn.name, arn.last]))


def _is_own(event: TrailEvent) -> bool:
    by_cloudformation = event.principal.endswith(f"/{SERVICE_SESSION}") or event.client == _CLOUDFORMATION
    return by_cloudformation or event.principal.endswith(_OWN_SESSION)


def _caller(event: TrailEvent) -> str:
    return f"{event.principal} ({event.client})" if event.client else event.principal
