"""Observe an environment's stack between deployments: whether it exists, and its status."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from deployments.aws import quota
from deployments.aws.account_ref import AccountRef
from deployments.aws.cloudformation import StackView
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.cloudformation import drift
from deployments.cloudformation.status import DELETED, IN_REVIEW
from deployments.cloudformation.stuck_resources import STUCK
from deployments.common.errors import AwsFailure, AwsNotFound, QuotaExhausted
from deployments.common.models import leases
from deployments.common.models.encryption import renewed
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import OBSERVE_DELAY
from deployments.environments.rules.phases import Kind
from deployments.environments.rules.timings import WATCHED_DELAY
from deployments.health.models.observing import Observation
from deployments.health.rules.problems import problem_message
from deployments.recovery.steps import rollbacks
from deployments.releases import steps as release_steps
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.shared import drift as drift_steps
from deployments.stacks.shared import event_log, incarnation, redactors
from deployments.stacks.shared.preflight import ENVIRONMENT_TAG

FORGOTTEN_AFTER = timedelta(days=7)
"""How long a stack whose change set was never executed stays after its creation has ended."""


def observe_stack(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Update the environment's row from its stack. Return False if the message is stale or a duplicate."""
    rows = Environment.objects.observed()
    if not leases.begin_step(rows, pk, version):
        return False
    environment = rows.select_related("account", "latest").get(pk=pk)
    if environment.version == version + 1:
        now = timezone.now()
        watched = bool(environment.watched_until and environment.watched_until > now)
        delay = WATCHED_DELAY if watched else OBSERVE_DELAY
        incarnation.update_facts(environment.account)
        _renew(environment)
        if environment.active_deployment is None and environment.stack_id:
            with quota.priority(watched=watched):
                delay = _poll(environment, connect, now) or delay
        leases.end_step(environment, environment.version, timezone.now() + timedelta(seconds=delay))
    return True


def _renew(environment: Environment) -> None:
    """Encrypt the fingerprints again after a change of SECRET_KEY, while the fallback key exists."""
    stored = environment.secret_fingerprints
    if stored and (fresh := renewed(stored)) != stored:
        Environment.objects.filter(pk=environment.pk, secret_fingerprints=stored).update(
            secret_fingerprints=fresh
        )


def _poll(environment: Environment, connect: Callable[[AccountRef], Clients], now: datetime) -> float | None:
    """Update the row. If the API quota is used up, return the seconds until the next poll."""
    try:
        clients = redacted(connect(environment.account.ref()), redactors.of_environment(environment))
        release_steps.resume_left(environment, clients)
        _write_seen(environment, clients, now)
    except AwsNotFound:
        _write_missing(environment, now)
    except QuotaExhausted as exc:
        return exc.seconds
    except AwsFailure as exc:  # keep the stored state after an error
        Environment.objects.filter(pk=environment.pk, version=environment.version).update(
            observe_error=str(exc)
        )
        _observed(environment, now, exc)
    return None


def _write_seen(environment: Environment, clients: Clients, now: datetime) -> None:
    """Write the stack as it is. Raise AwsNotFound if it does not exist."""
    stack = clients.cloudformation.describe_stack(environment.stack_id)
    if stack.status == IN_REVIEW and _is_forgotten(environment, stack, now):
        _purge(environment, stack, clients, now)
        return
    if stack.status == DELETED:
        _write_missing(environment, now, stack_status=stack.status)
        return
    values: dict[str, object] = {
        "status_reason": stack.reason,
        "deployment_mode": stack.deployment_mode,
        "outputs": dict(stack.outputs),
        "termination_protection": stack.termination_protection,
    }
    values |= _outside(environment, stack, now) | _stuck(environment, stack, clients)
    _write(environment, now, missing_since=None, missing_code="", stack_status=stack.status, **values)
    incarnation.remember(environment)


def _is_forgotten(environment: Environment, stack: StackView, now: datetime) -> bool:
    """Return whether the environment's stack is the empty one of a creation that ended a week ago.

    Its change set was not executed, so there is nothing in it.
    """
    latest = environment.latest
    if latest is None or stack.tags.get(ENVIRONMENT_TAG) != str(environment.key):
        return False
    return latest.kind == Kind.CREATE and now - (latest.ended_at or latest.created_at) >= FORGOTTEN_AFTER


def _purge(environment: Environment, stack: StackView, clients: Clients, now: datetime) -> None:
    """Delete the empty stack of a creation; a second call, after a lost response, has no effect."""
    latest = environment.latest
    mine = Environment.objects.filter(pk=environment.pk, version=environment.version)
    if latest is None or not mine.exists():
        return
    with suppress(AwsNotFound):
        clients.cloudformation.delete_stack(stack.stack_id, f"forgotten-{latest.token}")
    with transaction.atomic():
        mine.update(stack_id="", stack_status="", status_reason="", observed_at=now, due_at=None)
        event_log.add(latest, "review.purged", stack_name=environment.stack_name)


def _outside(environment: Environment, stack: StackView, now: datetime) -> dict[str, object]:
    """Return the columns that say whether the stack was changed since the last operation of Sanso.

    The first observation after an operation sets the known state.
    """
    seen = {"status": stack.status, "updated": stack.updated}
    known = environment.known_stack
    if ActionRequest.objects.active().of_kind("protect").filter(environment=environment).exists():
        return {"known_stack": {}}  # deletion protection is switched on by an update
    changed = drift_steps.is_changed(environment, stack)
    if not known and not changed:
        return {"known_stack": seen}
    if not changed or environment.changed_outside_at:
        return {}
    at = datetime.fromisoformat(stack.updated) if drift.is_updated(known, seen) else now
    return {"changed_outside_at": at}


def _stuck(environment: Environment, stack: StackView, clients: Clients) -> dict[str, object]:
    """Return the stuck resources of the stack; they are read again when the stack has changed."""
    seen = {"status": stack.status, "updated": stack.updated}
    known = {name: environment.stuck.get(name) for name in seen}
    if stack.status not in STUCK:
        return {"stuck": {}} if environment.stuck else {}
    if known == seen:
        return {}
    found = rollbacks.read(stack, clients.cloudformation)
    return {"stuck": seen | {"resources": [one.as_json() for one in found]}}


def _write_missing(environment: Environment, now: datetime, **values: object) -> None:
    """Write that the stack does not exist and, the first time, why; lists display only this as the health."""
    if environment.missing_since is None:
        code, message = incarnation.why_missing(environment)
        values |= {"missing_since": now, "missing_code": code}
        values |= {"health_word": "unknown", "health_sentence": message.as_json(), "health_at": now}
    _write(environment, now, **values)


def _write(environment: Environment, now: datetime, **values: object) -> None:
    mine = Environment.objects.filter(pk=environment.pk, version=environment.version)
    mine.update(observed_at=now, observe_error="", **values)
    _observed(environment, now, None)


def _observed(environment: Environment, now: datetime, problem: AwsFailure | None) -> None:
    """Store the state of the source `stack`, like that of the environment's other sources."""
    values: dict[str, object] = {
        "attempted_at": now,
        "problem_code": problem.code if problem else "",
        "problem_sentence": problem_message(problem).as_json() if problem else {},
    }
    if problem is None:
        values["observed_at"] = now
    Observation.objects.update_or_create(environment=environment, source="stack", defaults=values)
