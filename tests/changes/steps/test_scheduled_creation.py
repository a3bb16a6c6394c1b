"""Scheduled creations in an in-memory account: the name, the time, what is checked then, and canceling."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.schedule import reschedule
from deployments.common.errors import LostClaim, UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.models.reads import observations_of
from deployments.recovery.commands.cancel import request_cancel
from deployments.recovery.commands.recovering import held
from deployments.stacks.models.events import Event
from deployments.stacks.models.timeline import load
from deployments.stacks.steps import progress
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateVersion
from tests.builders import allow_only, disallow, make_account, make_user
from tests.fakes import FakeAws
from tests.locks.commands.test_freeze import freeze
from tests.message_texts import reason
from tests.stepping import run, take_step

pytestmark = pytest.mark.django_db
TOMORROW = timedelta(days=1)


def person(name: str, *codenames: str) -> User:
    user = make_user(name)
    allow_only(user, *codenames)
    return User.objects.get(pk=user.pk)


@pytest.fixture
def ana() -> User:
    return person("ana", "add_deployment")


@pytest.fixture
def account() -> Account:
    return make_account()


@pytest.fixture
def scheduled(ana: User, account: Account, template_set: template_files.TemplateSet) -> Deployment:
    """A creation for tomorrow."""
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return schedule(ana, account, "staging")


def schedule(user: User, account: Account, name: str, ahead: timedelta = TOMORROW) -> Deployment:
    return request_deployment(
        user=user,
        account=account,
        name=name,
        parameters={"Size": "2"},
        reason="demo",
        request_key=uuid.uuid4(),
        scheduled_for=timezone.now() + ahead,
    )


def row(deployment: Deployment) -> Deployment:
    return Deployment.objects.for_page().get(pk=deployment.pk)


def let_time_come(deployment: Deployment, late: timedelta = timedelta(0)) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(scheduled_for=timezone.now() - late)


def test_nothing_is_created_or_held_before_its_time(scheduled: Deployment, aws: FakeAws) -> None:
    waiting = row(scheduled)
    assert (waiting.state, waiting.active_key) == (State.SCHEDULED, None)
    assert waiting.due_at == waiting.scheduled_for

    progress.clear()
    take_step(scheduled, aws)

    waiting = row(scheduled)
    assert (waiting.state, waiting.progress) == (State.SCHEDULED, 0)
    assert waiting.due_at is not None
    assert waiting.scheduled_for is not None
    assert waiting.due_at < waiting.scheduled_for  # the row is due at least once an hour
    assert (aws.stacks, aws.requests) == ({}, [])
    assert Environment.objects.get().stack_id == ""
    assert Environment.objects.of_urgency(Urgency.CHANGING).exists()


def test_it_is_created_at_its_time_and_measured_from_then(scheduled: Deployment, aws: FakeAws) -> None:
    long_ago = timezone.now() - timedelta(days=2)
    Deployment.objects.filter(pk=scheduled.pk).update(created_at=long_ago)
    let_time_come(scheduled, late=timedelta(minutes=59))

    ended = run(scheduled, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert ended.began_at - long_ago > timedelta(days=1)
    codes = list(Event.objects.of(ended).filter(source="portal").values_list("code", flat=True))
    assert codes[:4] == ["requested", "schedule.due", "phase", "preflight.identity"]
    began = AuditRecord.objects.get(action="begin_scheduled")
    assert (began.user, began.by, began.environment) == (ended.requested_by, "schedule", ended.environment)


def test_a_name_is_taken_at_once_and_the_second_operator_is_told_by_whom(
    scheduled: Deployment, account: Account
) -> None:
    ben = person("ben", "add_deployment")

    for ahead in (TOMORROW, timedelta(days=2)):
        with pytest.raises(UserFixable, match="EnvironmentScheduled") as refused:
            schedule(ben, account, "Staging", ahead)

    assert refused.value.message.params["user"] == "ana"
    assert Environment.objects.get().owner.username == "ana"
    assert AuditRecord.objects.filter(action="deploy", outcome="refused", user=ben).count() == 2


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=31)])
def test_a_time_that_has_passed_or_is_far_away_is_refused(
    ana: User, account: Account, template_set: template_files.TemplateSet, ahead: timedelta
) -> None:
    with pytest.raises(UserFixable, match="ScheduleNotPossible") as refused:
        schedule(ana, account, "staging", ahead)

    assert refused.value.field == "scheduled_for"
    assert not Environment.objects.exists()


def test_it_waits_for_the_end_of_a_freeze_that_began_meanwhile(
    scheduled: Deployment, account: Account, aws: FakeAws
) -> None:
    window = freeze(account)
    let_time_come(scheduled)
    take_step(scheduled, aws)
    take_step(scheduled, aws)

    waiting = row(scheduled)
    assert (waiting.state, waiting.active_key, waiting.is_scheduled_creation) == (State.QUEUED, None, True)
    assert not aws.stacks

    window.delete()
    assert run(scheduled, aws).state == State.SUCCEEDED


def test_a_time_in_a_freeze_is_refused_and_one_after_it_is_not(
    ana: User, account: Account, template_set: template_files.TemplateSet
) -> None:
    freeze(account)

    with pytest.raises(UserFixable, match="ScheduleFrozen"):
        schedule(ana, account, "staging", timedelta(minutes=30))
    assert schedule(ana, account, "staging", timedelta(hours=3)).state == State.SCHEDULED


def test_it_fails_with_the_reason_if_its_version_was_withdrawn(scheduled: Deployment, aws: FakeAws) -> None:
    TemplateVersion.objects.update(status="withdrawn", status_reason="Wrong subnets")
    let_time_come(scheduled)

    ended = run(scheduled, aws)

    assert (ended.state, ended.active_key) == (State.FAILED, None)
    assert "Wrong subnets" in reason(ended)
    assert not aws.stacks


def test_it_fails_with_the_reason_if_who_requested_it_may_not_any_more(
    scheduled: Deployment, ana: User, aws: FakeAws
) -> None:
    disallow(ana, "add_deployment")
    let_time_come(scheduled)

    ended = run(scheduled, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "PermissionLost")
    assert "ana" in reason(ended)
    assert not aws.stacks


def test_one_that_is_canceled_while_it_waits_for_a_freeze_has_never_begun(
    scheduled: Deployment, ana: User, account: Account, aws: FakeAws
) -> None:
    freeze(account)
    let_time_come(scheduled)
    take_step(scheduled, aws)
    take_step(scheduled, aws)

    request_cancel(user=ana, deployment=row(scheduled), effect="end")

    ended = run(scheduled, aws)
    assert (ended.state, ended.is_canceled_before_begin) == (State.CANCELED, True)
    assert ended.began_at == ended.ended_at  # no time was spent
    assert ended.remaining == {}


def test_what_an_earlier_attempt_left_is_searched_for_after_the_cancellation(
    scheduled: Deployment, ana: User, account: Account, aws: FakeAws
) -> None:
    let_time_come(scheduled, late=timedelta(minutes=61))
    run(scheduled, aws)
    again = schedule(ana, account, "staging")

    request_cancel(user=ana, deployment=again, effect="end")

    assert run(again, aws).remaining != {}


def test_nothing_of_a_stack_that_is_gone_is_shown_while_its_successor_waits(
    scheduled: Deployment, ana: User, account: Account, aws: FakeAws
) -> None:
    let_time_come(scheduled)
    environment = run(scheduled, aws).environment
    assert environment.outputs
    Environment.objects.update(missing_since=timezone.now(), missing_code="StackMissing")

    waiting = schedule(ana, account, "staging").environment

    stored = Environment.objects.get(pk=waiting.pk)
    assert stored == environment
    assert (stored.stack_id, stored.stack_status, stored.outputs) == ("", "", {})
    health = observations_of(Environment.objects.for_page().get(pk=waiting.pk))
    assert health.absent is not None
    assert health.absent.code == Code.NOT_CREATED_YET
    with pytest.raises(UserFixable):
        held(waiting)


def test_it_is_not_in_its_preflight_while_it_waits(scheduled: Deployment) -> None:
    lines = load(row(scheduled)).lines

    assert lines["@preflight"].intervals == ()
    assert row(scheduled).began_at == scheduled.scheduled_for


def test_it_says_that_it_is_late_if_no_worker_ran_for_an_hour(
    scheduled: Deployment, ana: User, account: Account, aws: FakeAws
) -> None:
    let_time_come(scheduled, late=timedelta(minutes=61))

    ended = run(scheduled, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ScheduledTimeMissed")
    assert "within an hour" in reason(ended)
    assert schedule(ana, account, "staging").environment == ended.environment  # the name is free


def test_canceling_it_frees_the_name_and_calls_nothing(
    scheduled: Deployment, ana: User, account: Account, aws: FakeAws
) -> None:
    take_step(scheduled, aws)  # as the dispatcher does once an hour
    assert row(scheduled).due_at > timezone.now() + timedelta(minutes=30)  # type: ignore[operator]

    request_cancel(user=ana, deployment=scheduled, effect="end")
    assert row(scheduled).due_at <= timezone.now()  # type: ignore[operator]

    ended = run(scheduled, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "end")
    assert ended.remaining == {}  # nothing was searched for
    canceled = Environment.objects.deleted().get(live_key=None)
    assert schedule(ana, account, "staging").environment != canceled


def test_a_creation_started_now_begins_at_once(scheduled: Deployment, ana: User, aws: FakeAws) -> None:
    reschedule(user=ana, deployment=scheduled, scheduled_for=None)

    ended = run(scheduled, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    codes = list(Event.objects.of(ended).filter(source="portal").values_list("code", flat=True))
    assert codes[:4] == ["requested", "schedule.changed", "schedule.due", "phase"]


def test_a_second_click_on_start_now_changes_nothing(scheduled: Deployment, ana: User, aws: FakeAws) -> None:
    reschedule(user=ana, deployment=scheduled, scheduled_for=None)
    take_step(scheduled, aws)
    began = row(scheduled)
    assert began.state != State.SCHEDULED

    assert reschedule(user=ana, deployment=scheduled, scheduled_for=None).pk == scheduled.pk

    assert row(scheduled).scheduled_for == began.scheduled_for
    assert AuditRecord.objects.filter(action="start_scheduled").count() == 1


def test_a_later_time_holds_it_until_then(scheduled: Deployment, ana: User, aws: FakeAws) -> None:
    later = timezone.now() + timedelta(days=5)
    step = row(scheduled)
    reschedule(user=ana, deployment=scheduled, scheduled_for=later)

    with pytest.raises(LostClaim):  # a step that began before writes nothing more
        step.record(progress=1)
    take_step(scheduled, aws)
    assert (row(scheduled).state, row(scheduled).scheduled_for) == (State.SCHEDULED, later)


@pytest.mark.parametrize("state", [State.QUEUED, State.PREFLIGHT, State.CANCELED])
def test_what_no_longer_waits_gets_no_other_time(scheduled: Deployment, ana: User, state: State) -> None:
    Deployment.objects.filter(pk=scheduled.pk).update(state=state)
    with pytest.raises(UserFixable) as refused:
        reschedule(user=ana, deployment=scheduled, scheduled_for=timezone.now() + TOMORROW)
    assert refused.value.message.code == Code.NOT_SCHEDULED
