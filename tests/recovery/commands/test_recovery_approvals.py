"""What leads out of a failure needs no approval, unless it would destroy more than was approved."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.rules.roles import Right
from deployments.changes.models.approvals import Approval
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.delete import request_deletion_again
from deployments.recovery.commands.recovering import request_continue, request_stack_rollback
from deployments.recovery.commands.remaining import request_deletion_of
from deployments.stacks.models.action_requests import ActionRequest
from tests.builders import make_deployment, make_environment, make_grant, make_user
from tests.commands.scene_rows import SNAPSHOT

pytestmark = pytest.mark.django_db


def person(*roles: str, rights: tuple[Right, ...] = ()) -> User:
    user = make_user()
    for role in roles:
        make_grant(user, role=role)
    return make_grant(user, role="custom", rights=[str(one) for one in rights]) if rights else user


def failed(status: str = "DELETE_FAILED", *, requires_approval: bool = True) -> Environment:
    return make_environment(stack_id="arn:stack", stack_status=status, requires_approval=requires_approval)


def deletion(environment: Environment, decision: str, **values: Any) -> Deployment:
    """Return a deletion that has ended, after this decision about it."""
    row = make_deployment(environment, kind="delete", state="failed", **values)
    Environment.objects.filter(pk=environment.pk).update(latest=row)
    now = timezone.now()
    Approval.objects.create(
        deployment=row, requested_by=row.requested_by, requested_at=now, expires_at=now, decision=decision
    )
    return row


def again(user: User, environment: Environment, **values: Any) -> Deployment:
    sent: dict[str, Any] = {"resources": [], "typed_name": environment.name, "unprotect": False} | values
    sent |= {"force": False, "reason": "", "request_key": uuid.uuid4()} | values
    return request_deletion_again(user=user, environment=Environment.objects.get(pk=environment.pk), **sent)


@pytest.mark.parametrize("decision", ["approved", "bypassed"])
def test_a_deletion_again_is_covered_by_the_approval_of_the_one_that_failed(decision: str) -> None:
    environment = failed()
    deletion(environment, decision, unprotect=True)

    assert again(person("deployer"), environment, unprotect=True).is_active


@pytest.mark.parametrize("values", [{}, {"force": True}])
@pytest.mark.parametrize("decision", ["", "denied", "expired", "not_permitted"])
def test_without_an_approved_deletion_none_begins_again(decision: str, values: dict[str, Any]) -> None:
    environment, user = failed(), person("admin")
    if decision:
        deletion(environment, decision)

    with pytest.raises(UserFixable) as refused:
        again(user, environment, **values)

    assert refused.value.message.code == Code.DELETION_AGAIN_NOT_APPROVED
    assert AuditRecord.objects.get().outcome == "refused"


def test_an_approved_deletion_does_not_cover_that_protection_is_switched_off() -> None:
    environment, user = failed(), person("deployer")
    deletion(environment, "approved")

    with pytest.raises(UserFixable) as refused:
        again(user, environment, unprotect=True)
    assert refused.value.message.code == Code.DELETION_AGAIN_NOT_APPROVED
    assert again(user, environment).is_active


def test_an_approval_from_before_the_environment_was_created_again_does_not_count() -> None:
    environment = failed()
    deletion(environment, "approved")
    make_deployment(environment, state="succeeded")

    with pytest.raises(UserFixable):
        again(person("deployer"), environment)


def test_where_no_approval_is_required_nothing_asks_for_one() -> None:
    assert again(person("deployer"), failed(requires_approval=False), unprotect=True).is_active


def test_rollbacks_lead_out_of_a_failure_without_approval() -> None:
    user = person("deployer")
    values: dict[str, Any] = {"user": user, "reason": "", "request_key": uuid.uuid4()}

    kept, stuck = failed("UPDATE_FAILED"), failed("UPDATE_ROLLBACK_FAILED")

    assert request_stack_rollback(environment=kept, **values).is_active
    assert request_continue(environment=stuck, skip=[], **values).is_active


def left_of(environment: Environment) -> Deployment:
    """Return a deletion that left a snapshot."""
    row = deletion(environment, "approved", requested_by=person("deployer"))
    found = {"search": "done", "services": {"rds": {"resources": [SNAPSHOT.as_json()]}}}
    Deployment.objects.filter(pk=row.pk).update(remaining=found, state="succeeded")
    return Deployment.objects.for_page().get(pk=row.pk)


def delete_remaining(user: User, row: Deployment) -> ActionRequest:
    chosen = [("AWS::RDS::DBClusterSnapshot", "final")]
    return request_deletion_of(user=user, deployment=row, chosen=chosen, typed_name=row.environment.name)


def test_what_remains_is_deleted_by_who_could_approve_and_has_not_requested_the_deletion() -> None:
    row = left_of(failed())
    make_grant(row.requested_by, role="approver")

    for user in (User.objects.get(pk=row.requested_by_id), person("deployer")):
        with pytest.raises(UserFixable) as refused:
            delete_remaining(user, row)
        assert refused.value.message.code == Code.REMAINING_NEEDS_APPROVER

    assert delete_remaining(person("deployer", "approver"), row).pk


def test_who_may_bypass_approvals_deletes_what_remains_and_the_record_says_so() -> None:
    assert delete_remaining(person("deployer", rights=(Right.BYPASS_APPROVAL,)), left_of(failed())).pk

    assert AuditRecord.objects.get(action="delete_remaining").details["bypasses_approval"] is True


def test_what_remains_of_an_environment_without_approvals_needs_nobody_else() -> None:
    row = left_of(failed(requires_approval=False))

    assert delete_remaining(User.objects.get(pk=row.requested_by_id), row).pk
