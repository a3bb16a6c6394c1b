"""Labels of environments; nobody gains a right by setting a label."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Label
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.labels import labels_of, set_labels
from deployments.changes.models.approvals import ApprovalRule, policy_of
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.builders import make_account, make_environment, make_grant, make_user
from tests.commands.scenes import template_set
from tests.notification_builders import make_target

pytestmark = pytest.mark.django_db
__all__ = ["template_set"]


def labeled(name: str = "", **labels: str) -> Environment:
    environment = make_environment(name)
    for key, value in labels.items():
        Label.objects.create(environment=environment, key=key, value=value)
    return environment


def by_label(role: str, value: str, user: User | None = None) -> User:
    return make_grant(user or make_user(), role=role, scope="label", label_key="team", label_value=value)


def create(user: User, name: str = "shop", account: Account | None = None, **labels: str) -> Deployment:
    return request_deployment(
        user=user,
        account=account or make_account(),
        name=name,
        parameters={"Size": "small"},
        reason="",
        request_key=uuid.uuid4(),
        labels=labels,
    )


def refusal(call: Any, *args: Any, **values: Any) -> Code:
    with pytest.raises(UserFixable) as refused:
        call(*args, **values)
    assert refused.value.field == "labels"
    return refused.value.message.code


def test_labels_are_replaced_and_the_record_says_from_what() -> None:
    environment = labeled(team="a", env="test")
    kept = environment.labels.get(key="env").pk
    deployer = make_grant(make_user(), role="deployer")

    set_labels(user=deployer, environment=environment, labels={"env": "test", "tier": "gold"})

    assert labels_of(environment) == {"env": "test", "tier": "gold"}
    assert environment.labels.get(key="env").pk == kept
    record = AuditRecord.objects.get(action="label")
    assert record.before == {"labels": {"env": "test", "team": "a"}}
    assert record.after == {"labels": {"env": "test", "tier": "gold"}}


def test_who_changes_environments_does_not_decide_who_may_act_on_them() -> None:
    by_label("deployer", "a")
    environment = labeled(team="b")
    by_label("operator", "b")
    deployer = make_grant(make_user(), role="deployer")

    for labels in ({"team": "a"}, {}):
        assert refusal(set_labels, user=deployer, environment=environment, labels=labels) == (
            Code.LABEL_DECIDES_ACCESS
        )
    assert labels_of(environment) == {"team": "b"}

    set_labels(user=make_grant(make_user(), role="admin"), environment=environment, labels={"team": "a"})
    assert labels_of(environment) == {"team": "a"}


def test_a_deployer_by_label_cannot_take_environments_of_others() -> None:
    environment = labeled(team="b")
    deployer = by_label("deployer", "a")

    with pytest.raises(PermissionMissing):
        set_labels(user=deployer, environment=environment, labels={"team": "a"})

    assert not can(deployer, Right.CHANGE, environment)


@pytest.mark.usefixtures("template_set")
def test_a_deployer_by_label_creates_environments_with_the_label_only() -> None:
    deployer = by_label("deployer", "a")

    assert refusal(create, deployer) == Code.LABEL_MISSING
    assert refusal(create, deployer, team="b") == Code.LABEL_MISSING
    assert AuditRecord.objects.filter(action="deploy", outcome="refused").count() == 2
    environment = create(deployer, team="a", env="test").environment

    assert labels_of(environment) == {"team": "a", "env": "test"}
    assert can(deployer, Right.CHANGE, environment)
    after = AuditRecord.objects.get(outcome="requested").after
    assert after is not None
    assert after["labels"] == {"team": "a", "env": "test"}


@pytest.mark.usefixtures("template_set")
def test_nobody_gains_a_role_by_another_label_of_what_they_create() -> None:
    deployer = by_label("deployer", "a")
    make_grant(deployer, role="admin", scope="label", label_key="env", label_value="prod")

    assert refusal(create, by_label("deployer", "a"), team="a", env="prod") == Code.LABEL_DECIDES_ACCESS
    assert not Environment.objects.exists()
    assert labels_of(create(deployer, team="a", env="prod").environment) == {"team": "a", "env": "prod"}


@pytest.mark.usefixtures("template_set")
def test_a_name_without_a_stack_is_not_taken_from_others_by_a_label() -> None:
    environment = labeled("shop", team="b")
    deployer = by_label("deployer", "a")

    with pytest.raises(UserFixable) as refused:
        create(deployer, account=environment.account, team="a")

    assert refused.value.message.code == Code.ENVIRONMENT_NAME_TAKEN
    assert labels_of(environment) == {"team": "b"}


def manager(*rights: Right, **values: Any) -> User:
    """Return a person who changes environments and manages access to them, with some more rights."""
    own = [Right.CHANGE, Right.CREATE, Right.MANAGE_ACCESS, *rights]
    return make_grant(make_user(), role="custom", rights=[str(one) for one in own], **values)


def test_nobody_raises_their_own_rights_by_a_label_that_one_of_their_grants_names() -> None:
    environment = labeled(team="b")
    person = by_label("admin", "a", manager())

    assert refusal(set_labels, user=person, environment=environment, labels={"team": "a"}) == (
        Code.LABEL_DECIDES_ACCESS
    )

    assert not can(person, Right.DELETE, Environment.objects.get(pk=environment.pk))


def test_nobody_takes_rights_from_others_by_a_label_that_they_could_not_give() -> None:
    environment = labeled(team="a")
    deleter = by_label("deployer", "a")

    assert refusal(set_labels, user=manager(), environment=environment, labels={}) == (
        Code.LABEL_DECIDES_ACCESS
    )
    assert can(deleter, Right.DELETE, Environment.objects.get(pk=environment.pk))


def test_who_could_give_the_roles_of_a_label_for_the_environment_sets_it() -> None:
    by_label("operator", "a")
    environment = labeled()
    account = make_grant(make_user(), role="admin", scope="account", account=environment.account)

    set_labels(user=account, environment=environment, labels={"team": "a"})
    set_labels(user=manager(Right.VIEW, Right.OPERATE, Right.LOCK), environment=environment, labels={})

    assert labels_of(environment) == {}


def test_a_label_of_shared_notifications_is_only_removed_by_who_manages_them() -> None:
    environment, deployer = labeled(team="a"), make_grant(make_user(), role="deployer")
    target = make_target("https://hooks.example.com/", label_key="team", label_value="a")

    assert refusal(set_labels, user=deployer, environment=environment, labels={}) == (
        Code.LABEL_DECIDES_NOTIFICATIONS
    )
    with_right = make_grant(deployer, role="custom", rights=[str(Right.MANAGE_NOTIFICATIONS)])
    set_labels(user=with_right, environment=environment, labels={})
    target.refresh_from_db()

    set_labels(user=make_grant(make_user(), role="deployer"), environment=environment, labels={"team": "a"})
    assert labels_of(environment) == {"team": "a"}


def test_the_labels_of_a_persons_own_notifications_bind_nobody() -> None:
    environment = labeled(team="a")
    make_target("https://hooks.example.com/", owner=make_user(), label_key="team", label_value="a")

    set_labels(user=make_grant(make_user(), role="deployer"), environment=environment, labels={})

    assert labels_of(environment) == {}


@pytest.mark.usefixtures("template_set")
@pytest.mark.parametrize("labels", [{}, {"stage": "test"}])
def test_creating_an_environment_again_removes_no_label_of_an_approval_rule(labels: dict[str, str]) -> None:
    environment, deployer = labeled("shop", stage="production"), make_grant(make_user(), role="deployer")
    label = ("stage", "production")
    ApprovalRule.objects.create(
        label_key=label[0], label_value=label[1], key=ApprovalRule.key_for(None, label)
    )

    assert refusal(create, deployer, account=environment.account, **labels) == Code.LABEL_DECIDES_APPROVAL

    assert labels_of(environment) == {"stage": "production"}
    assert AuditRecord.objects.get(action="deploy").outcome == "refused"
    create(deployer, account=environment.account, stage="production", team="a")
    assert policy_of(Environment.objects.get(pk=environment.pk)) is not None


@pytest.mark.usefixtures("template_set")
def test_creating_an_environment_again_gives_nobody_the_rights_of_a_label() -> None:
    environment = labeled("shop")
    creator = by_label("deployer", "a", manager())

    assert refusal(create, creator, account=environment.account, team="a") == Code.LABEL_DECIDES_ACCESS
    assert not can(creator, Right.DELETE, Environment.objects.get(pk=environment.pk))


@pytest.mark.usefixtures("template_set")
def test_labels_of_an_environment_that_is_created_again_are_changed_by_who_may_change_it() -> None:
    environment = labeled("shop", team="a")
    creator = make_grant(make_user(), role="custom", rights=[str(Right.CREATE)])

    with pytest.raises(PermissionMissing):
        create(creator, account=environment.account, team="b")

    assert labels_of(environment) == {"team": "a"}
    record = AuditRecord.objects.get(action="deploy")
    assert (record.outcome, record.permission) == ("refused", Right.CHANGE)
    assert labels_of(create(creator, account=environment.account, team="a").environment) == {"team": "a"}


@pytest.mark.usefixtures("template_set")
def test_a_new_environment_gets_the_label_of_an_approval_rule_from_who_creates_it() -> None:
    label = ("stage", "production")
    ApprovalRule.objects.create(
        label_key=label[0], label_value=label[1], key=ApprovalRule.key_for(None, label)
    )

    environment = create(make_grant(make_user(), role="deployer"), stage="production").environment

    assert policy_of(Environment.objects.get(pk=environment.pk)) is not None
