"""Approval rules: several approvals, required roles, rules of labels, and bypass in an emergency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label, ServiceAccount
from deployments.access.models.tokens import ApiToken
from deployments.changes.approvers import approvers, possible_approvers
from deployments.changes.commands.approve import (
    approve,
    bypass,
    delete_label_rule,
    save_label_rule,
    set_approval_required,
)
from deployments.changes.commands.labels import set_labels
from deployments.changes.models.approvals import Approval, ApprovalRule, ApprovalVote, policy_of
from deployments.changes.rules.approvals import Policy
from deployments.changes.shared import approvals
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.notifications.models import Delivery
from deployments.notifications.rules.topics import Topic
from deployments.notifications.texts.notices import lines, title
from tests.builders import make_deployment, make_environment, make_grant, make_user
from tests.notification_builders import make_target
from tests.previews import make_preview

pytestmark = pytest.mark.django_db
ONE = Policy(approvals=1, roles=frozenset(["approver"]))
TWO = Policy(approvals=2, roles=frozenset(["approver"]))


def person(name: str, *roles: str) -> User:
    user = make_user(name)
    for role in roles:
        make_grant(user, role=role)
    return User.objects.get(pk=user.pk)


@pytest.fixture
def environment() -> Environment:
    found = make_environment("shop", stack_id="arn:stack", stack_status="UPDATE_COMPLETE")
    make_deployment(found, state="succeeded", last_phase="ready")
    return found


def rule(environment: Environment | None = None, label: tuple[str, str] = ("", ""), **values: object) -> None:
    if environment:
        Environment.objects.filter(pk=environment.pk).update(requires_approval=True)
    ApprovalRule.objects.create(
        environment=environment,
        label_key=label[0],
        label_value=label[1],
        key=ApprovalRule.key_for(environment, label),
        **values,
    )


def waiting(environment: Environment, requester: User) -> Approval:
    """Request approval of a new preview, and return the request."""
    shown = make_preview(Environment.objects.get(pk=environment.pk), requested_by=requester)
    approvals.request(shown, requester)
    return Approval.objects.waiting().get(deployment=shown)


def approving(user: User, approval: Approval) -> Deployment:
    deployment = Deployment.objects.for_page().get(pk=approval.deployment_id)
    return approve(user=user, deployment=deployment, approval_pk=approval.pk, digest=approval.digest)


def state(approval: Approval) -> str:
    return Deployment.objects.get(pk=approval.deployment_id).state


def test_two_different_people_approve_and_one_is_not_enough(environment: Environment) -> None:
    rule(environment, approvals=2)
    ana, ben, cem = (
        person("ana", "deployer", "approver"),
        person("ben", "approver"),
        person("cem", "approver"),
    )
    approval = waiting(environment, ana)

    approving(ben, approval)
    assert state(approval) == State.APPROVAL
    for who in (ana, ben):
        with pytest.raises(UserFixable):
            approving(who, approval)
    assert state(approval) == State.APPROVAL

    approving(cem, approval)
    assert state(approval) != State.APPROVAL
    assert not approvals.is_missing(Deployment.objects.get(pk=approval.deployment_id))


def test_an_approver_who_lost_the_role_does_not_count_when_it_begins(environment: Environment) -> None:
    rule(environment, approvals=2)
    ana, ben, cem = person("ana", "deployer"), person("ben", "approver"), person("cem", "approver")
    approval = waiting(environment, ana)
    approving(ben, approval)
    approving(cem, approval)
    assert not approvals.is_missing(Deployment.objects.get(pk=approval.deployment_id))

    ben.grants.filter(role="approver").delete()

    assert approvals.is_missing(Deployment.objects.get(pk=approval.deployment_id))


def test_a_lost_approver_does_not_count_before_the_last_one_approves_either(environment: Environment) -> None:
    rule(environment, approvals=2)
    ana, ben, cem = person("ana", "deployer"), person("ben", "approver"), person("cem", "approver")
    approval = waiting(environment, ana)
    approving(ben, approval)
    ben.grants.filter(role="approver").delete()

    approving(cem, approval)

    assert state(approval) == State.APPROVAL


def test_a_role_that_the_rule_wants_is_needed(environment: Environment) -> None:
    rule(environment, role="admin")
    approval = waiting(environment, person("ana", "deployer"))

    with pytest.raises(UserFixable) as refused:
        approving(person("ben", "approver"), approval)
    assert refused.value.message.code == Code.APPROVER_ROLE

    approving(person("root", "admin"), approval)
    assert state(approval) != State.APPROVAL


def test_a_label_requires_approvals_of_its_environments_and_the_strictest_rule_counts(
    environment: Environment,
) -> None:
    rule(label=("stage", "production"), approvals=2)
    assert policy_of(environment) is None

    Label.objects.create(environment=environment, key="stage", value="production")
    assert policy_of(Environment.objects.get(pk=environment.pk)) == TWO
    rule(environment, role="admin")
    assert policy_of(Environment.objects.get(pk=environment.pk)) == Policy(
        approvals=2, roles=frozenset(["admin", "approver"])
    )


def test_an_emergency_bypasses_the_approval_with_the_right_and_a_reason(environment: Environment) -> None:
    rule(environment, approvals=2)
    ana, root = person("ana", "deployer"), person("root", "admin")
    approval = waiting(environment, ana)
    deployment = Deployment.objects.for_page().get(pk=approval.deployment_id)
    values: dict[str, Any] = {"deployment": deployment, "approval_pk": approval.pk, "digest": approval.digest}

    with pytest.raises(PermissionDenied):
        bypass(user=ana, reason="down", **values)
    with pytest.raises(UserFixable):
        bypass(user=root, reason=" ", **values)
    bypass(user=root, reason="production is down", **values)

    approval.refresh_from_db()
    assert (approval.decision, approval.decided_by, approval.reason) == (
        "bypassed",
        root,
        "production is down",
    )
    assert state(approval) != State.APPROVAL
    assert AuditRecord.objects.filter(action="bypass_approval", outcome="requested", user=root).count() == 1
    assert not approvals.is_missing(Deployment.objects.get(pk=approval.deployment_id))

    root.grants.all().delete()
    assert approvals.is_missing(Deployment.objects.get(pk=approval.deployment_id))


def service_account(*roles: str, created_by: User) -> User:
    """Return a service account for which `created_by` created a token."""
    program = person("ci", *roles)
    ServiceAccount.objects.create(user=program, created_by=created_by)
    ApiToken.objects.create(
        owner=program,
        created_by=created_by,
        name="ci",
        digest="0" * 64,
        expires_at=timezone.now() + timedelta(days=7),
    )
    return program


def test_a_service_account_neither_approves_nor_bypasses(environment: Environment) -> None:
    rule(environment)
    ana = person("ana", "deployer", "admin")
    program = service_account("approver", "admin", created_by=ana)
    approval = waiting(environment, ana)

    with pytest.raises(UserFixable) as refused:
        approving(program, approval)
    assert refused.value.message.code == Code.APPROVER_SERVICE_ACCOUNT
    deployment = Deployment.objects.for_page().get(pk=approval.deployment_id)
    values: dict[str, Any] = {"deployment": deployment, "approval_pk": approval.pk, "digest": approval.digest}
    with pytest.raises(UserFixable) as refused:
        bypass(user=program, reason="down", **values)
    assert refused.value.message.code == Code.APPROVER_SERVICE_ACCOUNT
    ApprovalVote.objects.create(approval=approval, user=program)  # as if it had been a person at that time
    assert approvers(approval, Policy(), environment) == []
    assert program not in possible_approvers(Policy(), environment)


def test_who_has_a_token_of_the_service_account_that_requested_it_does_not_approve(
    environment: Environment,
) -> None:
    rule(environment)
    ana, ben = person("ana", "admin"), person("ben", "approver")
    approval = waiting(environment, service_account("deployer", created_by=ana))

    with pytest.raises(UserFixable) as refused:
        approving(ana, approval)
    assert refused.value.message.code == Code.APPROVAL_OWN
    approving(ben, approval)
    assert state(approval) != State.APPROVAL


def test_approvals_that_are_enough_after_a_rule_was_relaxed_are_completed_by_one_who_approved(
    environment: Environment,
) -> None:
    rule(environment, approvals=2)
    ben = person("ben", "approver")
    approval = waiting(environment, person("ana", "deployer"))
    approving(ben, approval)

    ApprovalRule.objects.update(approvals=1)
    approving(ben, approval)

    assert state(approval) != State.APPROVAL
    assert approval.votes.count() == 1


def test_who_could_approve_are_the_people_with_the_role_but_the_requester(environment: Environment) -> None:
    Label.objects.create(environment=environment, key="stage", value="production")
    ana = person("ana", "deployer", "approver")
    ben = person("ben")
    make_grant(ben, role="approver", scope="label", label_key="stage", label_value="production")
    person("cem", "deployer")
    approval = waiting(environment, ana)

    three = Policy(approvals=3)
    assert [one.username for one in possible_approvers(three, environment)] == ["ana", "ben"]
    assert [one.username for one in possible_approvers(three, environment, approval)] == ["ben"]
    assert possible_approvers(Policy(roles=frozenset(["admin"])), environment) == []


def test_a_label_with_a_rule_is_only_removed_by_who_decides_whether_approval_is_required(
    environment: Environment,
) -> None:
    Label.objects.create(environment=environment, key="stage", value="production")
    rule(label=("stage", "production"))

    with pytest.raises(UserFixable) as refused:
        set_labels(user=person("ana", "deployer"), environment=environment, labels={})
    assert refused.value.message.code == Code.LABEL_DECIDES_APPROVAL
    set_labels(user=person("root", "admin"), environment=environment, labels={})

    assert policy_of(Environment.objects.get(pk=environment.pk)) is None


def test_a_label_rule_is_not_weakened_or_deleted_by_the_requester_while_a_request_waits(
    environment: Environment,
) -> None:
    Label.objects.create(environment=environment, key="stage", value="production")
    root, other = person("root", "admin"), person("other", "admin")
    save_label_rule(user=root, label=("stage", "production"), approvals=2, role="approver")
    waiting(environment, root)

    with pytest.raises(UserFixable):
        save_label_rule(user=root, label=("stage", "production"), approvals=1, role="approver")
    with pytest.raises(UserFixable):
        delete_label_rule(user=root, rule=ApprovalRule.objects.get())
    save_label_rule(user=root, label=("stage", "production"), approvals=3, role="admin")
    delete_label_rule(user=other, rule=ApprovalRule.objects.get())

    assert policy_of(environment) is None


def test_a_label_with_a_rule_is_not_removed_by_the_requester_while_a_request_waits(
    environment: Environment,
) -> None:
    Label.objects.create(environment=environment, key="stage", value="production")
    rule(label=("stage", "production"))
    root, other = person("root", "admin"), person("other", "admin")
    waiting(environment, root)

    with pytest.raises(UserFixable) as refused:
        set_labels(user=root, environment=environment, labels={})
    assert refused.value.message.code == Code.APPROVALS_WAITING
    assert environment.labels.exists()

    set_labels(user=other, environment=environment, labels={})
    assert not environment.labels.exists()


def test_who_has_a_token_of_the_service_account_that_requested_it_weakens_no_rule_while_it_waits(
    environment: Environment,
) -> None:
    Label.objects.create(environment=environment, key="stage", value="production")
    rule(environment)
    rule(label=("stage", "production"), approvals=2)
    ana, other = person("ana", "admin"), person("other", "admin")
    waiting(environment, service_account("deployer", created_by=ana))
    row = Environment.objects.get(pk=environment.pk)

    def weaken(user: User) -> None:
        set_labels(user=user, environment=environment, labels={})
        set_approval_required(user=user, environment=row, required=False, reason="faster")
        delete_label_rule(user=user, rule=ApprovalRule.objects.of_labels().get())

    with pytest.raises(UserFixable):
        set_labels(user=ana, environment=environment, labels={})
    with pytest.raises(UserFixable):
        set_approval_required(user=ana, environment=row, required=False, reason="faster")
    with pytest.raises(UserFixable):
        delete_label_rule(user=ana, rule=ApprovalRule.objects.of_labels().get())
    weaken(other)

    assert policy_of(Environment.objects.get(pk=environment.pk)) is None


def test_who_requested_it_bypasses_its_approval_only_with_the_right(environment: Environment) -> None:
    rule(environment)
    ana = person("ana", "deployer", "approver")
    approval = waiting(environment, ana)
    deployment = Deployment.objects.for_page().get(pk=approval.deployment_id)
    values: dict[str, Any] = {"deployment": deployment, "approval_pk": approval.pk, "digest": approval.digest}

    with pytest.raises(PermissionDenied):
        bypass(user=ana, reason="down", **values)
    make_grant(ana, role="custom", rights=["deployments.bypass_approval"])
    bypass(user=User.objects.get(pk=ana.pk), reason="down", **values)

    assert state(approval) != State.APPROVAL
    record = AuditRecord.objects.get(action="bypass_approval", outcome="requested")
    assert (record.user, record.reason, record.after) == (ana, "down", {"approval": "bypassed"})


def test_who_is_notified_about_decisions_is_notified_of_each_approval_and_of_a_bypass(
    environment: Environment,
) -> None:
    rule(environment, approvals=2)
    target = make_target("https://hooks.example.com/", topics=[Topic.APPROVAL_DECIDED])
    ana, ben, root = person("ana", "deployer"), person("ben", "approver"), person("root", "admin")
    approval = waiting(environment, ana)

    approving(ben, approval)
    deployment = Deployment.objects.for_page().get(pk=approval.deployment_id)
    bypass(
        user=root, deployment=deployment, approval_pk=approval.pk, digest=approval.digest, reason="it is down"
    )

    given, bypassed = Delivery.objects.filter(target=target).order_by("pk")
    assert title(given.topic, given.payload) == "A further approval was given for the change of shop"
    assert "Approvals: 1 of 2" in lines(given.topic, given.payload)
    assert title(bypassed.topic, bypassed.payload) == "Approval of a change of shop bypassed in an emergency"
    assert {"Decided by: root", "Reason: it is down"} <= set(lines(bypassed.topic, bypassed.payload))


def test_a_rule_is_not_weakened_by_the_requester_while_a_request_waits(environment: Environment) -> None:
    rule(environment, approvals=2)
    ana = person("ana", "deployer", "approver")
    make_grant(ana, role="custom", rights=["deployments.require_approval"])
    ana = User.objects.get(pk=ana.pk)
    waiting(environment, ana)
    row = Environment.objects.get(pk=environment.pk)

    with pytest.raises(UserFixable):
        set_approval_required(
            user=ana,
            environment=row,
            required=True,
            reason="faster",
            policy=Policy(roles=frozenset(["approver"])),
        )
    assert policy_of(row) == TWO
