"""Scheduled changes, in an in-memory account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.changes.commands.apply import apply_change, discard_change
from deployments.changes.models.approvals import Approval
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from tests.changes.shared.approvals.requesting import approving, preview, row, send_request
from tests.fakes import FakeAws
from tests.stepping import run, take_step


def test_a_scheduled_change_takes_its_place_at_its_time(
    deployed: Environment, aws: FakeAws, ana: User
) -> None:
    Environment.objects.update(requires_approval=False)
    shown = preview(deployed, ana, aws)
    at = timezone.now() + timedelta(hours=2)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest, scheduled_for=at)

    waiting = row(shown)
    assert (waiting.state, waiting.active_key, waiting.due_at) == (State.SCHEDULED, None, at)
    take_step(shown, aws)
    later = row(shown)
    assert later.state == State.SCHEDULED
    assert later.due_at is not None
    assert later.due_at < at  # the row is due at least once an hour
    Deployment.objects.filter(pk=shown.pk).update(scheduled_for=timezone.now() - timedelta(minutes=59))

    assert run(shown, aws).state == State.SUCCEEDED


def test_a_scheduled_change_is_previewed_again_if_the_stack_has_changed(
    deployed: Environment, aws: FakeAws, ana: User
) -> None:
    Environment.objects.update(requires_approval=False)
    shown = preview(deployed, ana, aws)
    at = timezone.now() + timedelta(hours=2)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest, scheduled_for=at)
    aws.stacks[deployed.stack_id].updated = "2030-01-01T00:00:00+00:00"
    Deployment.objects.filter(pk=shown.pk).update(scheduled_for=timezone.now())

    again = run(shown, aws, until=lambda d: d.state == State.PREVIEW)

    assert (again.revision, again.scheduled_for) == (1, None)


@pytest.mark.parametrize("needs_approval", [False, True])
def test_a_change_whose_time_was_missed_by_an_hour_expires(
    deployed: Environment, aws: FakeAws, ana: User, ben: User, needs_approval: bool
) -> None:
    Environment.objects.update(requires_approval=needs_approval)
    shown = preview(deployed, ana, aws)
    at = timezone.now() + timedelta(hours=2)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest, scheduled_for=at)
    if needs_approval:
        approval = Approval.objects.waiting().get()
        assert approval.expires_at == at + timedelta(hours=1)
        approving(ben, approval)
    Deployment.objects.filter(pk=shown.pk).update(scheduled_for=timezone.now() - timedelta(minutes=61))

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "missed")
    assert shown.change_set_id not in aws.change_sets


def test_the_time_is_part_of_what_is_approved(
    deployed: Environment, aws: FakeAws, ana: User, ben: User
) -> None:
    shown = preview(deployed, ana, aws)
    at = timezone.now() + timedelta(hours=2)
    approval = send_request(shown, ana, at)
    approving(ben, approval)
    assert row(shown).state == State.SCHEDULED
    # A change does not run at a time that was not approved, whichever code wrote it.
    Deployment.objects.filter(pk=shown.pk).update(scheduled_for=timezone.now())

    assert run(shown, aws, until=lambda d: d.state == State.APPROVAL).active_key is None


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=31)])
def test_a_time_that_has_passed_or_is_far_away_is_refused_at_its_field(
    deployed: Environment, aws: FakeAws, ana: User, ahead: timedelta
) -> None:
    shown = preview(deployed, ana, aws)

    with pytest.raises(UserFixable, match="ScheduleNotPossible") as refused:
        apply_change(
            user=ana, deployment=shown, digest=shown.preview_digest, scheduled_for=timezone.now() + ahead
        )

    assert refused.value.field == "scheduled_for"
    assert row(shown).state == State.PREVIEW


def test_a_scheduled_change_can_be_discarded(deployed: Environment, aws: FakeAws, ana: User) -> None:
    Environment.objects.update(requires_approval=False)
    shown = preview(deployed, ana, aws)
    at = timezone.now() + timedelta(hours=2)
    apply_change(user=ana, deployment=shown, digest=shown.preview_digest, scheduled_for=at)
    discard_change(user=ana, deployment=shown)

    assert run(shown, aws).cancel_code == "discarded"
