"""Operators' requests: the rows that they create, and the errors of rejected requests."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.create import request_deployment
from deployments.common.errors import UserFixable
from deployments.common.models.encryption import decrypt_values
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.delete import close_environment, request_deletion
from tests.builders import make_account, make_deployment, make_environment, make_grant, make_operator

pytestmark = pytest.mark.core


@pytest.fixture(autouse=True)
def template_set(settings, tmp_path):  # type: ignore[no-untyped-def]  # pytest's own fixtures
    (tmp_path / "root.yaml").write_text(
        "Parameters:\n"
        "  Size: {Type: Number, Default: 2, MaxValue: 4, ConstraintDescription: At most four.}\n"
        "  Password: {Type: String, NoEcho: true, Default: change me}\n"
        "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
    )
    settings.SANSO_TEMPLATE_SET = tmp_path


def deploy(account: Account, name: str = "staging", **values: object) -> Deployment:
    defaults: dict[str, object] = {
        "user": make_operator(),
        "account": account,
        "name": name,
        "parameters": {},
        "reason": "",
        "request_key": uuid4(),
    }
    return request_deployment(**(defaults | values))  # type: ignore[arg-type]  # a builder of keyword arguments


def error_of_deploy(*args: object, **values: object) -> UserFixable:
    with pytest.raises(UserFixable) as caught:
        deploy(*args, **values)  # type: ignore[arg-type]  # as above
    return caught.value


@pytest.mark.django_db
def test_a_new_deployment_is_due_at_once_and_records_who_requested_it() -> None:
    deployment = deploy(make_account(), reason="load test", user=make_operator("ana"))

    assert deployment.due_at is not None
    event = deployment.events.get()
    assert (event.code, event.values) == (
        "requested",
        {"kind": "create", "user": "ana", "reason": "load test"},
    )
    assert Environment.objects.get().latest == deployment


@pytest.mark.django_db
def test_a_new_environment_gets_the_defaults_of_the_manifest_unless_the_user_chose(
    tmp_path: Path,
) -> None:
    (tmp_path / "template-set.yaml").write_text("new_environments: {Size: 3}\n")

    deployments = [deploy(make_account()), deploy(make_account(), "chosen", parameters={"Size": "1"})]

    assert [deployment.parameters for deployment in deployments] == [{"Size": "3"}, {"Size": "1"}]


@pytest.mark.django_db
def test_secrets_are_sealed_and_in_no_plain_column() -> None:
    deployment = deploy(make_account(), parameters={"Password": "hunter2", "Size": "3"})

    row = Deployment.objects.filter(pk=deployment.pk).values().get()
    assert "hunter2" not in str(row)
    assert "hunter2" not in str(Environment.objects.values().get())
    assert decrypt_values(deployment.sealed_parameters) == {"Password": "hunter2"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "1st", "under_score", "a b", "é", "x" * 41])
def test_an_illegal_name_is_an_error_of_its_field(name: str) -> None:
    found = error_of_deploy(make_account(), name)
    assert (found.code, found.field) == ("IllegalName", "name")
    assert not Environment.objects.exists()


@pytest.mark.django_db
def test_names_that_differ_only_in_case_are_the_same() -> None:
    account = make_account()
    environment = make_environment("staging", account=account, stack_id="arn:x")
    make_deployment(environment, state="succeeded")

    found = error_of_deploy(account, "Staging")

    assert (found.code, found.field) == ("NameTaken", "name")


@pytest.mark.django_db
@pytest.mark.parametrize("stack_id", ["", "arn:x"])
@pytest.mark.parametrize("state", ["failed", "stacks"])
def test_a_name_of_an_environment_that_one_may_not_view_is_taken_and_nothing_else_is_said(
    stack_id: str, state: str
) -> None:
    account = make_account()
    secret = make_environment("Ghost", account=account, stack_id=stack_id)
    make_deployment(secret, state=state)
    deployer = User.objects.create_user("dan")
    make_grant(deployer, role="deployer", scope="label", label_key="team", label_value="a")

    with pytest.raises(UserFixable) as refused:
        deploy(account, "ghost", user=deployer, labels={"team": "a"})

    assert (refused.value.code, refused.value.field) == ("NameTaken", "name")
    text = "The name ghost is taken in this account. Choose another name."
    assert error_text(refused.value) == text
    record = AuditRecord.objects.get(outcome="refused")
    assert (record.name, record.environment, record.deployment) == ("ghost", None, None)
    assert "Ghost" not in str(record.refusal)


@pytest.mark.django_db
def test_where_one_may_not_create_the_answer_is_the_same_for_every_name() -> None:
    mine, other = make_account(), make_account()
    make_environment("ghost", account=other, stack_id="arn:x")
    deployer = User.objects.create_user("dan")
    make_grant(deployer, role="deployer", scope="account", account=mine)

    answers = []
    for name in ("ghost", "free"):
        with pytest.raises(PermissionMissing) as refused:
            deploy(other, name, user=deployer)
        answers.append((str(refused.value), refused.value.about))

    assert answers[0] == answers[1]


@pytest.mark.django_db
def test_two_accounts_can_have_the_same_name() -> None:
    deploy(make_account())
    deploy(make_account())
    assert Environment.objects.count() == 2


@pytest.mark.django_db
def test_an_environment_without_a_stack_is_reused() -> None:
    account = make_account()
    failed = make_deployment(make_environment("staging", account=account), state="failed")

    again = deploy(account, "staging")

    assert again.environment == failed.environment


@pytest.mark.django_db
def test_a_bad_parameter_is_explained_by_the_template_at_its_field() -> None:
    found = error_of_deploy(make_account(), parameters={"Size": "9"})
    assert (error_text(found), found.field) == ("At most four.", "parameter_Size")


@pytest.mark.django_db
def test_a_parameter_that_is_not_in_the_set_is_rejected() -> None:
    assert error_of_deploy(make_account(), parameters={"RoleARN": "x"}).code == "UnknownParameter"


@pytest.mark.django_db(transaction=True)
def test_a_double_click_creates_one_deployment() -> None:
    account, user, key = make_account(), make_operator(), uuid4()
    created: list[int] = []

    def click() -> None:
        created.append(deploy(account, user=user, request_key=key).pk)
        connection.close()

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()

    assert len(created) == 4
    assert len(set(created)) == 1
    assert Deployment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_of_several_concurrent_requests_wins_and_the_others_get_an_error() -> None:
    account = make_account()
    users = [make_operator() for _ in range(6)]
    results: list[str] = []

    def request(i: int) -> None:
        try:
            deploy(account, user=users[i])
            results.append("won")
        except UserFixable as exc:
            results.append(exc.code)
        connection.close()

    threads = [threading.Thread(target=request, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["EnvironmentBusy"] * 5 + ["won"]
    assert Deployment.objects.active().count() == 1


def delete(environment: Environment, typed: str = "staging", **values: object) -> Deployment:
    defaults: dict[str, object] = {
        "user": environment.owner,
        "environment": environment,
        "typed_name": typed,
        "reason": "",
        "request_key": uuid4(),
    }
    return request_deletion(**(defaults | values))  # type: ignore[arg-type]  # a builder of keyword arguments


@pytest.mark.django_db
def test_a_deletion_requires_the_name() -> None:
    environment = make_environment("staging")
    with pytest.raises(UserFixable, match="name_not_confirmed environment=staging"):
        delete(environment, "stagin")
    assert delete(environment, "ｓｔａｇｉｎｇ").kind == "delete"


@pytest.mark.django_db
def test_an_environment_with_an_active_deployment_cannot_be_deleted() -> None:
    active = make_deployment(make_environment("staging"))
    with pytest.raises(UserFixable, match="environment_being_created"):
        delete(active.environment)


@pytest.mark.django_db
def test_a_deleted_environment_cannot_be_deleted_again() -> None:
    environment = make_environment("staging", deleted_at="2026-11-24T00:00:00Z")
    with pytest.raises(UserFixable, match="environment_already_deleted"):
        delete(environment)


@pytest.mark.django_db
def test_an_environment_can_be_removed_from_sanso_only_when_its_stack_is_missing() -> None:
    environment = make_environment("staging", stack_id="arn:x")
    make_deployment(environment, state="succeeded")
    with pytest.raises(UserFixable, match="stack_still_exists"):
        close_environment(user=environment.owner, environment=environment)

    Environment.objects.update(missing_since="2026-11-24T00:00:00Z")
    close_environment(user=environment.owner, environment=environment)

    assert not Environment.objects.live().exists()


@pytest.mark.django_db
def test_a_protected_environment_can_be_deleted_only_with_its_protection_turned_off() -> None:
    environment = make_environment(
        "staging", stack_id="arn:x", parameters={"DatabaseDeletionProtection": "true"}
    )
    with pytest.raises(UserFixable, match="deletion_protection_on") as caught:
        delete(environment)
    assert caught.value.field == "unprotect"
    assert delete(environment, unprotect=True).unprotect


@pytest.mark.django_db
def test_a_rule_of_the_template_is_checked_for_every_client(settings, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with (tmp_path / "root.yaml").open("a") as root:
        root.write("Rules: {Few: {Assertions: [{Assert: {'Fn::Contains': [['1', '2'], {Ref: Size}]}}]}}\n")

    with pytest.raises(UserFixable) as caught:
        deploy(make_account(), parameters={"Size": "3"})

    assert caught.value.field == "parameter_Size"
    assert error_text(caught.value) == "The values do not meet the rule Few of the template (Size)."
    assert not Environment.objects.exists()
    assert deploy(make_account(), parameters={"Size": "1"}).pk
