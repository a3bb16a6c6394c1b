"""One step of an observer: poll one source of an account for the environments that are due."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.errors import AwsAccessError, AwsFailure, AwsRetryable, QuotaExhausted
from deployments.common.models import leases
from deployments.common.rules.aws_error_codes import is_throttling
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.intervals import ACCESS_RETRY_DELAY, MAX_IDLE, next_poll_at, retry_delay
from deployments.environments.rules.observers import OBSERVED
from deployments.environments.rules.phases import AFTER_STACKS, State
from deployments.health.models.observing import Observation, Observer
from deployments.health.models.reads import observed_resources_of_environments
from deployments.health.rules.problems import problem_message
from deployments.health.steps.observe import history
from deployments.health.steps.observe.associations import Associations
from deployments.health.steps.observe.backups import Backups
from deployments.health.steps.observe.database import Database
from deployments.health.steps.observe.fleet import Fleet
from deployments.health.steps.observe.maintenance import Maintenance
from deployments.health.steps.observe.metrics import Metrics
from deployments.health.steps.observe.poll_round import ObservationPoller, ObservedEnvironment, PollRound
from deployments.health.steps.observe.site import SiteReadsPoller
from deployments.health.steps.observe.targets import Targets
from deployments.stacks.shared import incarnation, redactors

log = logging.getLogger(__name__)

POLLERS: dict[str, Callable[[], ObservationPoller]] = {
    poller.source: poller
    for poller in (Targets, Associations, Fleet, Database, Backups, Maintenance, Metrics, SiteReadsPoller)
}
REPORT_AFTER = 2
"""Throttling and timeouts are reported after this many failed polls in a row."""
_WAITING = frozenset({State.SERVERS, State.STACKS, *AFTER_STACKS})
"""Servers are configured while CloudFormation creates the rest. Failed ones are rolled back, so they can only
be observed during the deployment.
"""


def ensure_observers() -> None:
    """Create the observers of accounts that have environments, due at once."""
    wanted = Account.objects.filter(environments__deleted_at=None).exclude(environments__stack_id="")
    known = set(Observer.objects.values_list("account", "source"))
    now = timezone.now()
    missing = [
        Observer(account_id=pk, source=source, due_at=now)
        for pk in wanted.distinct().values_list("pk", flat=True)
        for source in OBSERVED
        if (pk, source) not in known
    ]
    Observer.objects.bulk_create(missing, ignore_conflicts=True)


def run_observer(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Poll one source of one account. Return False if the message is stale or a duplicate.

    Errors are stored; after a crash, the observer is due again when its lease ends.
    """
    if not leases.begin_step(Observer.objects.all(), pk, version):
        return False
    observer = Observer.objects.select_related("account").get(pk=pk)
    if observer.version != version + 1:
        return False  # taken over between the two statements
    now = timezone.now()
    _begin_observing(observer, now)
    due = list(Observation.objects.of_observer(observer).due(now)[: OBSERVED[observer.source].batch_size])
    delay = _round(observer, due, connect, now) if due else 0.0
    leases.end_step(observer, observer.version, _next_due(observer, delay))
    return True


def _begin_observing(observer: Observer, now: datetime) -> None:
    """Create the observations of environments whose stack is new since the last round."""
    rows = Environment.objects.live().in_account(observer.account_id).exclude(stack_id="")
    missing = rows.exclude(observations__source=observer.source).values_list("pk", flat=True)
    Observation.objects.bulk_create(
        [Observation(environment_id=pk, source=observer.source, due_at=now) for pk in missing],
        ignore_conflicts=True,
    )


def _next_due(observer: Observer, delay: float) -> datetime:
    """Return when the observer is due: when its next environment is, but not before `delay` seconds."""
    now = timezone.now()
    latest = now + timedelta(seconds=MAX_IDLE)
    rows = Observation.objects.of_observer(observer).order_by("due_at")
    first = rows.values_list("due_at", flat=True).first()
    return max(now + timedelta(seconds=delay), min(first or latest, latest))


def _round(
    observer: Observer, due: Sequence[Observation], connect: Callable[[AccountRef], Clients], now: datetime
) -> float:
    """Poll for the observations that are due. Return the minimum delay until the next round, in seconds."""
    lease = now + timedelta(seconds=settings.SANSO_TICK_LEASE)
    Observation.objects.filter(pk__in=[row.pk for row in due]).update(due_at=lease)
    parts = observed_resources_of_environments([row.environment for row in due])
    observed = [
        ObservedEnvironment(
            observation=row,
            environment=row.environment,
            parts=parts[row.environment_id],
            fast=is_fast(row.environment, now),
            redact=redactors.of_environment(row.environment),
        )
        for row in due
    ]
    delay, stalled = 0.0, None
    try:
        _poll(
            POLLERS[observer.source](), PollRound(clients=connect(observer.account.ref()), now=now), observed
        )
    except QuotaExhausted as exc:
        delay = max(0.5, exc.seconds)
    except AwsRetryable as exc:
        stalled = exc
        delay = retry_delay(observer.failures + 1, throttled=is_throttling(exc.code))
    except AwsFailure as exc:  # no credentials: this affects all environments
        _set_problem(observed, exc)
    except DatabaseError:
        raise
    except Exception:
        log.exception("observer %s: a round failed", observer.pk)
        delay = retry_delay(observer.failures + 1, throttled=False)
    incarnation.update_facts(observer.account)  # after the polls: another run may have responded to them
    _count(observer, failed=stalled is not None)
    if stalled is not None:
        _set_problem_of_stalled(observer, observed, stalled)
    pending = [one.observation.pk for one in observed if not one.done]
    Observation.objects.filter(pk__in=pending).update(due_at=now)
    for one in observed:
        if one.done:
            _save_result(observer, one, now)
    return delay


def _poll(poller: ObservationPoller, polls: PollRound, observed: Sequence[ObservedEnvironment]) -> None:
    with polls.on_behalf(observed):
        poller.poll_many(polls, observed)
    for one in observed:
        if polls.is_over:
            return
        with polls.on_behalf([one]):
            poller.poll_one(polls, one)
        one.done = True


def is_fast(environment: Environment, now: datetime) -> bool:
    """Return whether the environment's page is open, or a deployment waits for the environment."""
    if environment.watched_until and environment.watched_until > now:
        return True
    latest = environment.latest
    return latest is not None and State(latest.state) in _WAITING


def _set_problem(observed: Iterable[ObservedEnvironment], problem: AwsFailure) -> None:
    for one in observed:
        if not one.done:
            one.problem, one.done, one.saw = problem, True, False


def _set_problem_of_stalled(
    observer: Observer, observed: Sequence[ObservedEnvironment], problem: AwsFailure
) -> None:
    """Set the problem of the environment whose call stalled; of all of them after several stalled rounds."""
    waiting = [one for one in observed if not one.done]
    _set_problem(waiting if observer.failures >= REPORT_AFTER else waiting[:1], problem)


def _count(observer: Observer, *, failed: bool) -> None:
    failures = observer.failures + 1 if failed else 0
    if failures != observer.failures:
        observer.failures = failures
        Observer.objects.filter(pk=observer.pk).update(failures=failures)


def _save_result(observer: Observer, one: ObservedEnvironment, now: datetime) -> None:
    """Store the state of the source for one environment and when it is due again, and update the health."""
    row = one.observation
    failures = row.failures + 1 if one.problem else 0
    is_empty = not OBSERVED[observer.source].observes(one.parts)
    delay = observer.account.timings.source_interval(observer.source, fast=one.fast, is_empty=is_empty)
    if one.problem:
        backoff = (
            ACCESS_RETRY_DELAY
            if isinstance(one.problem, AwsAccessError)
            else retry_delay(failures, throttled=True)
        )
        delay = max(delay, min(backoff, delay if one.saw else backoff))
    values: dict[str, object] = {
        "attempted_at": now,
        "failures": failures,
        "due_at": datetime.fromtimestamp(
            next_poll_at(observer.source, timezone.now().timestamp(), delay), tz=UTC
        ),
    }
    reported = one.problem if one.problem and not _is_transient(one.problem, failures) else None
    if reported or not one.problem:
        values |= {
            "problem_code": reported.code if reported else "",
            "problem_sentence": problem_message(reported).as_json() if reported else {},
        }
    if one.saw or (is_empty and not one.problem):
        values["observed_at"] = now
    Observation.objects.filter(pk=row.pk).update(**values)
    history.keep(one.environment, now, changed=one.changed)


def _is_transient(problem: AwsFailure, failures: int) -> bool:
    return isinstance(problem, AwsRetryable) and failures < REPORT_AFTER
