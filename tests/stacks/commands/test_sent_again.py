"""A request that is sent again has one deployment, and nobody reaches or occupies that of somebody else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.preview import request_change
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind
from deployments.recovery.commands.delete import request_clean_up, request_deletion, request_deletion_again
from deployments.recovery.commands.recovering import (
    request_adoption,
    request_continue,
    request_stack_rollback,
)
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_grant,
    make_operator,
    make_user,
)
from tests.commands.scene_rows import deployed
from tests.commands.scenes import template_set

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("template_set")]
__all__ = ["template_set"]

KEY = uuid.UUID("11111111-2222-4333-8444-555555555555")
"""A key that others know, too: guessed, or seen."""


def create(user: User, account: Account, **values: Any) -> Deployment:
    sent: dict[str, Any] = {
        "name": "shop",
        "parameters": {"Size": "small"},
        "reason": "",
        "request_key": KEY,
    } | values
    return request_deployment(user=user, account=account, **sent)


def delete(user: User, environment: Environment, **values: Any) -> Deployment:
    sent: dict[str, Any] = {"typed_name": environment.name, "reason": "", "request_key": KEY} | values
    return request_deletion(user=user, environment=environment, **sent)


def test_the_key_of_somebody_else_does_not_return_or_block_their_request() -> None:
    account = make_account()
    first = create(make_operator(), account)
    second = create(make_operator(), account, name="blog")

    assert first.pk != second.pk
    assert second.environment.name == "blog"
    assert KEY not in Deployment.objects.values_list("request_key", flat=True)


def test_the_same_key_for_another_environment_or_operation_is_another_request() -> None:
    user, shop, blog = make_operator(), deployed(), deployed()

    deletion, other = delete(user, shop), delete(user, blog)
    created = create(user, make_account())

    assert (deletion.environment, other.environment) == (shop, blog)
    assert [deletion.kind, other.kind, created.kind] == [Kind.DELETE, Kind.DELETE, Kind.CREATE]


def test_a_request_that_is_sent_again_gets_its_deployment_and_has_one_record() -> None:
    user, account = make_operator(), make_account()

    assert create(user, account).pk == create(user, account).pk
    assert AuditRecord.objects.filter(action="deploy").count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"parameters": {"Size": "large"}},
        {"reason": "load"},
        {"labels": {"a": "b"}},
        {"keep_on_failure": True},
    ],
)
def test_a_key_with_other_values_is_a_conflict(other: dict[str, Any]) -> None:
    user, account = make_operator(), make_account()
    first = create(user, account)

    with pytest.raises(UserFixable) as refused:
        create(user, account, **other)

    assert refused.value.message.code == Code.REQUEST_KEY_REUSED
    assert refused.value.message.params == {"deployment": str(first.pk)}
    assert AuditRecord.objects.get(outcome="refused").action == "deploy"
    assert Deployment.objects.count() == 1


def test_who_lost_the_permission_does_not_get_the_earlier_deployment() -> None:
    user, shop = make_grant(make_user(), role="deployer"), deployed()
    delete(user, shop)
    user.grants.exclude(role="viewer").delete()

    with pytest.raises(PermissionMissing):
        delete(User.objects.get(pk=user.pk), shop)
    assert AuditRecord.objects.filter(action="delete", outcome="refused").exists()


EVERY: dict[str, Callable[[User, Environment], Deployment]] = {
    "change": lambda user, one: request_change(
        user=user, environment=one, parameters={"Size": "3"}, reason="", request_key=KEY
    ),
    "delete": delete,
    "delete again": lambda user, one: request_deletion_again(
        user=user,
        environment=one,
        resources=[],
        typed_name=one.name,
        unprotect=False,
        force=False,
        reason="",
        request_key=KEY,
    ),
    "continue": lambda user, one: request_continue(
        user=user, environment=one, skip=[], reason="", request_key=KEY
    ),
    "take over": lambda user, one: request_adoption(user=user, environment=one, reason="", request_key=KEY),
    "roll back": lambda user, one: request_stack_rollback(
        user=user, environment=one, reason="", request_key=KEY
    ),
    "clean up": lambda user, one: request_clean_up(user=user, deployment=one.deployments.get()),
}


@pytest.mark.parametrize("name", EVERY)
def test_no_request_returns_what_a_stranger_requested_with_its_key(name: str) -> None:
    """The stranger's has the key as it came: it was occupied before the upgrade."""
    stranger, shop = make_operator(), deployed()
    key = uuid.uuid5(shop.deployments.get().token, "clean up") if name == "clean up" else KEY
    for kind in Kind:
        occupied = make_deployment(requested_by=stranger, kind=kind.value, request_key=key)
        with suppress(UserFixable):  # the state of the environment does not allow most of them
            assert EVERY[name](make_operator(), shop).environment == shop
        occupied.delete()


@pytest.mark.parametrize("name", ["change", "delete", "delete again", "continue", "take over", "roll back"])
def test_what_the_release_before_stored_is_found_again(name: str) -> None:
    user, shop = make_operator(), deployed()
    kinds = {"continue": Kind.ROLLBACK, "roll back": Kind.ROLLBACK_UPDATE, "change": Kind.UPDATE}
    kind = kinds.get(name, Kind.UPDATE if name == "take over" else Kind.DELETE)
    before = make_deployment(
        shop, requested_by=user, kind=kind.value, request_key=KEY, active_key=None, due_at=None
    )

    assert EVERY[name](user, shop) == before


def test_a_creation_that_the_release_before_stored_is_found_again() -> None:
    user, account = make_operator(), make_account()
    shop = make_environment("shop", account=account)
    before = make_deployment(shop, requested_by=user, request_key=KEY)

    assert create(user, account) == before
    assert create(user, account, name="blog") != before
