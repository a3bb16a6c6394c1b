"""Observe an environment's stack between deployments: whether it exists, and its status."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.aws import quota
from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.session import Clients
from deployments.core.intervals import OBSERVE_DELAY
from deployments.core.status import DELETED
from deployments.core.timings import WATCHED_DELAY
from deployments.errors import AwsFailure, AwsNotFound, QuotaExhausted
from deployments.models import Environment, Observation, leases
from deployments.models.sealed import renewed
from deployments.runner import endpoint_run, redactors
from deployments.runner.observe.problems import problem_message


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
        endpoint_run.update_facts(environment.account)
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
        stack = clients.cloudformation.describe_stack(environment.stack_id)
    except AwsNotFound:
        _write_missing(environment, now)
    except QuotaExhausted as exc:
        return exc.seconds
    except AwsFailure as exc:  # after an error, the stored state is kept
        Environment.objects.filter(pk=environment.pk, version=environment.version).update(
            observe_error=str(exc)
        )
        _observed(environment, now, exc)
    else:
        if stack.status == DELETED:
            _write_missing(environment, now, stack_status=stack.status)
        else:
            values = {
                "status_reason": stack.reason,
                "outputs": dict(stack.outputs),
                "termination_protection": stack.termination_protection,
            }
            _write(environment, now, missing_since=None, missing_code="", stack_status=stack.status, **values)
            endpoint_run.remember(environment)
    return None


def _write_missing(environment: Environment, now: datetime, **values: object) -> None:
    """Write that the stack does not exist and, at first sight, why, which is all that lists say of health."""
    if environment.missing_since is None:
        code, message = endpoint_run.why_missing(environment)
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
