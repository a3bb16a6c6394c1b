"""Deletion of an environment that requires approval, in an in-memory account."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import discard_change
from deployments.changes.commands.approve import deny
from deployments.changes.models.approvals import Approval
from deployments.changes.shared import approvals
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.delete import request_deletion
from deployments.restore_drills.models import RestoreDrill
from deployments.restore_drills.shared.beginning import begin_drill
from tests.changes.shared.approvals.requesting import approving, person, preview, row, send_request
from tests.fakes import FakeAws
from tests.stepping import run, take_step


def deletion(environment: Environment, user: User) -> Deployment:
    return request_deletion(
        user=user,
        environment=Environment.objects.for_page().get(pk=environment.pk),
        typed_name=environment.name,
        reason="not needed any more",
        request_key=uuid.uuid4(),
        unprotect=True,
    )


@pytest.fixture
def deleter(db: None) -> User:
    """The requester of deletions, who may approve deletions of others."""
    return person("ana", "delete_environment", "change_environment", "approve_change")


def test_a_deletion_waits_without_the_environment_until_a_second_person_approves_it(
    deployed: Environment, aws: FakeAws, deleter: User, ben: User
) -> None:
    requested = deletion(deployed, deleter)
    take_step(requested, aws)
    assert (row(requested).state, row(requested).active_key) == (State.APPROVAL, None)
    assert Environment.objects.for_page().get().active_deployment is None
    approval = Approval.objects.waiting().get()
    with pytest.raises(UserFixable, match="approval_own"):
        approving(deleter, approval)
    with pytest.raises(UserFixable, match="DeletionWaiting"):
        deletion(deployed, deleter)

    approving(ben, approval)

    assert row(requested).active_key == deployed.pk
    assert run(requested, aws).state == State.SUCCEEDED
    assert Environment.objects.get().deleted_at is not None
    record = AuditRecord.objects.filter(outcome="requested").first()
    assert record is not None
    assert (record.action, record.user) == ("approve_deletion", ben)


def test_a_deletion_is_not_approved_while_a_restore_drill_uses_the_subnets(
    deployed: Environment, deleter: User, ben: User
) -> None:
    deletion(deployed, deleter)
    approval = Approval.objects.waiting().get()
    drill = begin_drill(deployed, "staging-db", user=deleter, now=timezone.now())
    with pytest.raises(UserFixable, match="DrillInProgress"):
        approving(ben, approval)

    RestoreDrill.objects.filter(pk=drill.pk).update(state="finished", active_key=None)
    approving(ben, approval)


def test_a_denied_or_discarded_deletion_deletes_nothing(
    deployed: Environment, aws: FakeAws, deleter: User, ben: User
) -> None:
    denied = deletion(deployed, deleter)
    approval = Approval.objects.waiting().get()
    deny(user=ben, deployment=denied, approval_pk=approval.pk, reason="still in use")
    assert (run(denied, aws).state, row(denied).cancel_code) == (State.CANCELED, "denied")

    discarded = deletion(deployed, deleter)
    discard_change(user=deleter, deployment=discarded)
    assert (run(discarded, aws).state, row(discarded).cancel_code) == (State.CANCELED, "discarded")

    expired = deletion(deployed, deleter)
    Approval.objects.update(expires_at=timezone.now())
    assert (run(expired, aws).state, row(expired).cancel_code) == (State.CANCELED, "denied")

    assert "cloudformation:DeleteStack" not in aws.calls
    assert not any(call.endswith("DeleteChangeSet") for call in aws.calls)
    assert Environment.objects.get().deleted_at is None


def test_an_approval_of_a_deletion_is_refused_while_the_environment_is_busy_or_has_changed(
    deployed: Environment, aws: FakeAws, deleter: User, ben: User
) -> None:
    shown = preview(deployed, deleter, aws)
    approving(ben, send_request(shown, deleter))
    requested = Deployment.objects.create(
        environment=deployed, kind="delete", state="approval", requested_by=deleter, unprotect=True,
        preview_digest=approvals.deletion_digest(deployed, unprotect=True),
    )  # fmt: skip
    approvals.open_request(requested, deleter, timezone.now())
    approval = Approval.objects.waiting().get()

    run(shown, aws, until=lambda d: d.state == State.STACKS)
    with pytest.raises(UserFixable, match="EnvironmentBusy"):
        approving(ben, approval)
    assert run(shown, aws).state == State.SUCCEEDED
    with pytest.raises(UserFixable, match="DeletionOutOfDate"):
        approving(ben, approval)

    assert row(requested).state == State.APPROVAL
