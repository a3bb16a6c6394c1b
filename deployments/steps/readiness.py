"""The phases after the stacks: servers are configured, targets are healthy, a site check succeeds.

`CREATE_COMPLETE` alone does not make an environment ready. The conditions that are not met are stored in the
row and reported in the event log.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from deployments.aws.cloudformation import StackView
from deployments.aws.session import Clients
from deployments.cloudformation.status import DELETED
from deployments.common.errors import AwsNotFound
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.environments.rules.timings import CURRENT
from deployments.failures.steps import evidence
from deployments.health.models.observing import Observation, Observer
from deployments.health.models.reads import observations_of, observed_resources_of_environment
from deployments.health.rules.problems import access_error
from deployments.health.rules.readiness import Readiness, denied_read, readiness, was_polled
from deployments.health.steps import site_check
from deployments.stacks.models.events import Event
from deployments.stacks.shared import event_log, finalize, incarnation

PHASE_EVENT = "portal:phase:configuration"
AT_ONCE = 0.0


def begin(deployment: Deployment, root: StackView) -> float | None:
    """Begin once CloudFormation has finished. Return the seconds until the next step, None at the end."""
    environment = deployment.environment
    parts = observed_resources_of_environment(environment)
    outputs = dict(root.outputs)
    now = timezone.now()
    with transaction.atomic():
        deployment.move_to(State.CONFIGURATION)
        Environment.objects.filter(pk=environment.pk).update(
            stack_status=root.status,
            status_reason="",
            outputs=outputs,
            observed_at=now,
            parameters=deployment.parameters,
        )
        if not (parts.associations or parts.target_groups):
            deployment.move_to(State.TRAFFIC)
            deployment.move_to(State.READY)
            return _protect_or_succeed(deployment, root.status, outputs)
        event_log.add(deployment, "phase", key="configuration", phase="configuration")
        Observation.objects.of(environment).filter(due_at__gt=now).update(due_at=now)
        Observer.objects.filter(account=environment.account_id, due_at__gt=now).update(due_at=now)
    return AT_ONCE


def wait(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    """Compute the readiness. Return the seconds until the next step, None if the deployment has ended.

    Raise AwsAccessError while AWS denies the reads without which the readiness stays unknown: the deployment
    then waits for an operator, and does not time out.
    """
    environment = Environment.objects.for_page().get(pk=deployment.environment_id)
    if _is_gone(deployment, clients, now):
        code, message = incarnation.why_missing(environment)
        finalize.finalize(deployment, State.FAILED, DELETED, {}, code, message)
        return None
    since = Event.objects.of(deployment).get(event_id=PHASE_EVENT).at
    facts = observations_of(environment)
    found = readiness(facts, since)
    _advance(deployment, found)
    served = deployment.state == State.READY and found.configured and found.serving
    if served and not found.answered and site_check.is_due(environment, since, now):
        site_check.run_site_check(environment)
        found = readiness(observations_of(environment), since)
    unmeasured = served and site_check.is_unreachable(environment, since)  # the environment's page reports it
    if deployment.state == State.READY and (found.ready or unmeasured):
        return _protect_or_succeed(deployment, environment.stack_status, dict(environment.outputs))
    if problem := denied_read(facts, since):
        _report(deployment, found)
        raise access_error(problem)
    if was_polled(facts, now - CURRENT) and _timed_out(deployment, clients, environment, found, since, now):
        return None
    _report(deployment, found)
    return environment.account.timings.readiness


def _is_gone(deployment: Deployment, clients: Clients, now: datetime) -> bool:
    """Return whether the stack no longer exists; poll it only at the root interval."""
    polled = deployment.polled_at
    interval = deployment.environment.account.timings.root
    if polled and now - polled < timedelta(seconds=interval):
        return False
    try:
        status = clients.cloudformation.describe_stack(deployment.stack_id).status
    except AwsNotFound:
        return True
    deployment.record(polled_at=now)
    return status == DELETED


def _advance(deployment: Deployment, found: Readiness) -> None:
    """Move to the next phases as their conditions are met; never back."""
    if deployment.state == State.CONFIGURATION and found.configured:
        event_log.begin_phase(deployment, State.TRAFFIC)
    if deployment.state == State.TRAFFIC and found.configured and found.serving:
        event_log.begin_phase(deployment, State.READY)


def _protect_or_succeed(deployment: Deployment, status: str, outputs: dict[str, str]) -> float | None:
    """Begin the last phase where there is one. Return the seconds until the next step, None at the end."""
    if deployment.protection == "wanted":
        event_log.begin_phase(
            deployment, State.PROTECT, ready_at=timezone.now(), waiting_for=[], quiet_passes=0
        )
        return AT_ONCE
    finalize.finalize(
        deployment,
        State.SUCCEEDED,
        status,
        outputs,
        ready_at=timezone.now(),
        waiting_for=[],
    )
    return None


def _timed_out(
    deployment: Deployment,
    clients: Clients,
    environment: Environment,
    found: Readiness,
    since: datetime,
    now: datetime,
) -> bool:
    """End the deployment if a failure or the readiness has timed out. Return whether it was ended.

    The stack is kept: an operator can fix the failure and run the association again from the environment's
    page.
    """
    timings = environment.account.timings
    failed_for = now - max(found.failed_at, since) if found.failed_at else timedelta(0)
    if found.failed and failed_for >= timings.failure_timeout:
        code, message = "AssociationFailed", found.failed[0]
    elif now - since >= timings.readiness_timeout and found.waiting_for:
        code, message = "NotReady", found.waiting_for[0]
    else:
        return False
    waiting = [one.as_json() for one in found.waiting_for]
    evidence.gather_observed(deployment, clients)
    finalize.finalize(
        deployment,
        State.FAILED,
        environment.stack_status,
        dict(environment.outputs),
        code,
        message,
        waiting_for=waiting,
    )
    return True


def _report(deployment: Deployment, found: Readiness) -> None:
    """Store the conditions that are not met, and add an event when they change."""
    waiting = [message.as_json() for message in found.waiting_for]
    if waiting == deployment.waiting_for or not waiting:
        return
    key = hashlib.sha256("\n".join(map(str, found.waiting_for)).encode()).hexdigest()[:16]
    with transaction.atomic():
        deployment.record(waiting_for=waiting)
        event_log.add(
            deployment,
            "waiting",
            key=key,
            message=waiting[0],
            more=len(waiting) - 1,
        )
