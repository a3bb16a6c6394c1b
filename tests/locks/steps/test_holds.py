"""A change in the queue waits while its environment is locked or its account is frozen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.changes.commands.apply import discard_change
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.locks.commands.locks import break_lock, lock_environment, unlock_environment
from deployments.locks.models import FreezeWindow
from tests.builders import make_operator
from tests.changes.steps.test_change import apply, change, deployed, operator, previewed
from tests.fakes import FakeAws, lost_answer
from tests.stepping import run, take_step

__all__ = ["deployed", "operator"]
EXECUTE = "cloudformation:ExecuteChangeSet"


@pytest.fixture
def applied(deployed: Environment, aws: FakeAws, operator: User) -> Deployment:
    """A change that was applied and has not begun."""
    shown = previewed(change(deployed, operator), aws)
    return apply(shown, operator)


def freeze(environment: Environment, minutes: int = 60) -> FreezeWindow:
    now = timezone.now()
    start, end = now - timedelta(hours=1), now + timedelta(minutes=minutes)
    return FreezeWindow.objects.create(
        account=environment.account,
        name="Year-end sale",
        reason="Every minute counts.",
        kind="once",
        start_date=start.date(),
        start_time=start.time(),
        end_date=end.date(),
        end_time=end.time(),
    )


def assert_held(deployment: Deployment, aws: FakeAws) -> None:
    executed = aws.calls.count(EXECUTE)
    take_step(deployment, aws)
    take_step(deployment, aws)
    row = Deployment.objects.get(pk=deployment.pk)
    assert (row.state, row.active_key) == (State.QUEUED, None)
    assert row.due_at is not None
    assert row.due_at <= timezone.now() + timedelta(seconds=31)
    assert aws.calls.count(EXECUTE) == executed


def test_a_change_waits_for_the_end_of_a_freeze(
    deployed: Environment, aws: FakeAws, applied: Deployment
) -> None:
    window = freeze(deployed)
    assert_held(applied, aws)
    FreezeWindow.objects.filter(pk=window.pk).update(is_on=False)

    assert run(applied, aws).state == State.SUCCEEDED


def test_a_change_waits_until_the_lock_is_broken(
    deployed: Environment, aws: FakeAws, applied: Deployment
) -> None:
    lock_environment(user=make_operator(), environment=deployed, reason="load test")
    assert_held(applied, aws)
    Deployment.objects.filter(pk=applied.pk).update(due_at=timezone.now() + timedelta(minutes=5))

    break_lock(user=make_operator(), environment=deployed, reason="The site is down.")

    row = Deployment.objects.get(pk=applied.pk)
    assert row.due_at is not None
    assert row.due_at <= timezone.now()  # due at once, not at the next interval
    assert run(applied, aws).state == State.SUCCEEDED


def test_while_it_is_held_the_change_can_be_discarded(
    deployed: Environment, aws: FakeAws, applied: Deployment, operator: User
) -> None:
    freeze(deployed)
    assert_held(applied, aws)

    discard_change(user=operator, deployment=applied)

    assert run(applied, aws).state == State.CANCELED


def test_a_change_that_runs_is_not_interrupted(
    deployed: Environment, aws: FakeAws, applied: Deployment
) -> None:
    running = run(applied, aws, until=lambda d: d.state == State.STACKS)
    freeze(deployed)
    owner = make_operator()
    lock_environment(user=owner, environment=deployed, reason="load test")

    assert run(running, aws).state == State.SUCCEEDED
    unlock_environment(user=owner, environment=deployed)


def test_a_change_whose_execution_was_accepted_goes_on(
    deployed: Environment, aws: FakeAws, applied: Deployment
) -> None:
    """The response was lost and the environment locked before the next step, but CloudFormation has begun."""
    aws.fail(EXECUTE, lost_answer(EXECUTE), after=True)
    take_step(applied, aws)
    lock_environment(user=make_operator(), environment=deployed, reason="load test")

    assert run(applied, aws).state == State.SUCCEEDED
    assert aws.calls.count(EXECUTE) == 2  # including the creation's
