"""Labels of environments; nobody gains a right by setting a label."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access import can
from deployments.actions.deploy import request_deployment
from deployments.actions.labels import labels_of, set_labels
from deployments.actions.request import PermissionMissing
from deployments.core.roles import Right
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Account, AuditRecord, Deployment, Environment, Label
from tests.actions.scenes import template_set
from tests.builders import make_account, make_environment, make_grant, make_user

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
