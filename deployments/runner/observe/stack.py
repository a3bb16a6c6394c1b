"""Looking at an environment between deployments: is its stack still there, and as it was?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.aws import quota
from deployments.aws.account_ref import AccountRef
from deployments.aws.redacted import redacted
from deployments.aws.sandbox import about
from deployments.aws.session import Clients
from deployments.core.intervals import OBSERVE_DELAY, WATCHED_DELAY
from deployments.core.status import DELETED
from deployments.errors import AwsFailure, AwsNotFound, QuotaExhausted
from deployments.models import Account, Environment, Observation, leases
from deployments.models.sealed import renewed
from deployments.runner import redactors
from deployments.runner.observe.problems import problem_message


def observe_stack(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Bring the environment's row to what AWS says. False when the message was stale or doubled."""
    rows = Environment.objects.observed()
    if not leases.begin_step(rows, pk, version):
        return False
    environment = rows.select_related("account", "latest").get(pk=pk)
    if environment.version == version + 1:
        now = timezone.now()
        watched = bool(environment.watched_until and environment.watched_until > now)
        delay = WATCHED_DELAY if watched else OBSERVE_DELAY
        sandbox_facts(environment.account)
        _renew(environment)
        if environment.active_deployment is None and environment.stack_id:
            with quota.priority(watched=watched):
                delay = _look(environment, connect, now) or delay
        leases.end_step(environment, environment.version, timezone.now() + timedelta(seconds=delay))
    return True


def _renew(environment: Environment) -> None:
    """Encrypt the fingerprints anew after SECRET_KEY was changed, while its fallback is still there."""
    kept = environment.secret_fingerprints
    if kept and (fresh := renewed(kept)) != kept:
        Environment.objects.filter(pk=environment.pk, secret_fingerprints=kept).update(
            secret_fingerprints=fresh
        )


def _look(environment: Environment, connect: Callable[[AccountRef], Clients], now: datetime) -> float | None:
    """Bring the row up to date. Returns the delay to the next look where the account's budget says it."""
    try:
        clients = redacted(connect(environment.account.ref()), redactors.of_environment(environment))
        stack = clients.cloudformation.describe_stack(environment.stack_id)
    except AwsNotFound:
        _write(environment, now, missing=True)
    except QuotaExhausted as exc:
        return exc.seconds
    except AwsFailure as exc:  # an error never changes what is known
        Environment.objects.filter(pk=environment.pk, version=environment.version).update(
            observe_error=str(exc)
        )
        _observed(environment, now, exc)
    else:
        if stack.status == DELETED:
            _write(environment, now, missing=True, stack_status=stack.status)
        else:
            values = {"status_reason": stack.reason, "outputs": dict(stack.outputs)}
            _write(environment, now, missing=False, stack_status=stack.status, **values)
    return None


def _write(environment: Environment, now: datetime, *, missing: bool, **values: object) -> None:
    mine = Environment.objects.filter(pk=environment.pk, version=environment.version)
    if missing:
        mine.filter(missing_since=None).update(missing_since=now)
    else:
        values["missing_since"] = None
    mine.update(observed_at=now, observe_error="", **values)
    _observed(environment, now, None)


def _observed(environment: Environment, now: datetime, problem: AwsFailure | None) -> None:
    """Keep how the source stands, beside the others of the environment."""
    values: dict[str, object] = {
        "attempted_at": now,
        "problem_code": problem.code if problem else "",
        "problem_sentence": problem_message(problem).as_json() if problem else {},
    }
    if problem is None:
        values["observed_at"] = now
    Observation.objects.update_or_create(environment=environment, source="stack", defaults=values)


def sandbox_facts(account: Account) -> None:
    """Keep what the sandbox says of itself: which database and machines stand behind its answers."""
    if not account.is_sandbox:
        return
    ref = account.ref()
    facts = about(ref.endpoint_url, ref.token_file)
    if facts and facts != account.sandbox_facts:
        Account.objects.filter(pk=account.pk).update(sandbox_facts=facts)
