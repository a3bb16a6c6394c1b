"""Resources that a rollback skipped: a person's confirmation takes effect when the change begins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.changes.commands.apply import apply_change, discard_change, preview_again
from deployments.changes.commands.approve import deny
from deployments.changes.models.approvals import Approval
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from tests.changes.shared.approvals.conftest import ana, ben, deployed
from tests.changes.shared.approvals.requesting import approving, preview, row
from tests.fakes import FakeAws
from tests.stepping import run, take_step

__all__ = ["ana", "ben", "deployed"]
SKIPPED = StuckResource(
    path="",
    stack_name="shop",
    stack_id="arn:shop",
    logical_id="Elsewhere",
    physical_id="",
    type="",
    reason="",
)


@pytest.fixture
def shop(deployed: Environment) -> Environment:
    """An environment with a resource that a rollback skipped and that no change in these tests touches."""
    Environment.objects.update(skipped=[SKIPPED.as_json()])
    return Environment.objects.for_page().get()


def skipped(environment: Environment) -> list[str]:
    found = Environment.objects.get(pk=environment.pk)
    return [one.key for one in found.skipped_resources]


def confirmed(environment: Environment, user: User, aws: FakeAws) -> tuple[Deployment, Approval]:
    """Request approval of a change with the confirmation that skipped resources are in line."""
    shown = preview(environment, user, aws)
    with pytest.raises(UserFixable, match="SkippedNotConfirmed"):
        apply_change(user=user, deployment=shown, digest=shown.preview_digest)
    apply_change(user=user, deployment=shown, digest=shown.preview_digest, in_line=True)
    return row(shown), Approval.objects.waiting().get(deployment=shown)


def test_a_confirmation_is_approved_with_the_change_and_counts_when_it_begins(
    shop: Environment, aws: FakeAws, ana: User, ben: User, template_set: template_files.TemplateSet
) -> None:
    shown, approval = confirmed(shop, ana, aws)
    assert approval.choices["in_line"] == ["Elsewhere"]
    approving(ben, approval)
    assert skipped(shop) == ["Elsewhere"]

    ended = run(shown, aws)

    assert ended.state == State.SUCCEEDED
    assert skipped(shop) == []


@pytest.mark.parametrize("end", ["denied", "expired", "discarded"])
def test_a_confirmation_is_dropped_with_a_request_that_is_not_approved(
    shop: Environment, aws: FakeAws, ana: User, ben: User, end: str
) -> None:
    shown, approval = confirmed(shop, ana, aws)
    if end == "denied":
        deny(user=ben, deployment=shown, approval_pk=approval.pk, reason="not now")
    elif end == "discarded":
        discard_change(user=ana, deployment=shown)
    else:
        Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        take_step(shown, aws)

    ended = run(row(shown), aws)

    assert ended.state == State.CANCELED
    assert skipped(shop) == ["Elsewhere"]
    confirmed(shop, ana, aws)  # the next change needs a new confirmation


def test_a_new_preview_has_to_be_confirmed_again(shop: Environment, aws: FakeAws, ana: User) -> None:
    shown, _approval = confirmed(shop, ana, aws)
    preview_again(user=ana, deployment=shown)
    again = run(row(shown), aws, until=lambda d: d.state == State.PREVIEW)

    assert "in_line" not in row(again).options
    with pytest.raises(UserFixable, match="SkippedNotConfirmed"):
        apply_change(user=ana, deployment=row(again), digest=again.preview_digest)
