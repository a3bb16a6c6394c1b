"""The failure of a change is dismissed for everybody, until a newer one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.recovery.commands.recovering import dismiss_failure
from tests.builders import make_deployment, make_environment, make_operator, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_operator("ana")


@pytest.fixture
def shop(user: User) -> Environment:
    """An environment whose last change was rolled back."""
    shop = make_environment("shop", owner=user, stack_id="arn:shop", stack_status="UPDATE_ROLLBACK_COMPLETE")
    make_deployment(shop, state="succeeded", last_phase="ready")
    failed(shop)
    return shop


def failed(shop: Environment, state: str = "rolled_back", last_phase: str = "stacks") -> Deployment:
    return make_deployment(shop, kind="update", state=state, last_phase=last_phase)


def test_it_has_who_dismissed_it_and_when_and_is_recorded(user: User, shop: Environment) -> None:
    assert shop.latest

    dismiss_failure(user=user, deployment=shop.latest)

    found = Deployment.objects.get(pk=shop.latest.pk)
    assert found.dismissed_by == "ana"
    assert found.dismissed_at
    record = AuditRecord.objects.get(action="dismiss_failure")
    assert (record.outcome, record.deployment_id) == ("requested", found.pk)
    assert (record.before, record.after) == ({"dismissed_by": ""}, {"dismissed_by": "ana"})


def test_dismissed_again_it_stays_as_it_was(user: User, shop: Environment) -> None:
    assert shop.latest
    dismiss_failure(user=user, deployment=shop.latest)

    dismiss_failure(user=make_operator("ben"), deployment=shop.latest)

    assert Deployment.objects.get(pk=shop.latest.pk).dismissed_by == "ana"
    assert AuditRecord.objects.filter(action="dismiss_failure").count() == 1


def test_only_the_latest_failure_is_dismissed_and_a_newer_one_is_not(user: User, shop: Environment) -> None:
    first = shop.latest
    assert first
    second = failed(shop)

    with pytest.raises(UserFixable, match="NothingToDismiss"):
        dismiss_failure(user=user, deployment=first)
    dismiss_failure(user=user, deployment=second)
    third = failed(shop)

    assert Deployment.objects.last_failure_of(shop) == third
    assert third.dismissed_at is None


def test_a_preview_that_failed_is_dismissed_with_the_change_before_it(user: User, shop: Environment) -> None:
    rolled_back = shop.latest
    assert rolled_back
    preview = failed(shop, "failed", "change_set")
    Environment.objects.filter(pk=shop.pk).update(latest=rolled_back)  # previews are not the latest

    dismiss_failure(user=user, deployment=preview)

    assert not Deployment.objects.filter(kind="update", dismissed_at=None).exists()


@pytest.mark.parametrize("kind", ["create", "delete"])
def test_a_creation_or_deletion_that_failed_is_not_dismissed(
    user: User, shop: Environment, kind: str
) -> None:
    other = make_deployment(shop, kind=kind, state="failed", last_phase="stacks", ended_at=timezone.now())

    with pytest.raises(UserFixable, match="NothingToDismiss"):
        dismiss_failure(user=user, deployment=other)


def test_who_may_not_change_the_environment_does_not_dismiss(shop: Environment) -> None:
    assert shop.latest

    with pytest.raises(PermissionMissing):
        dismiss_failure(user=make_user("vic"), deployment=shop.latest)

    assert Deployment.objects.get(pk=shop.latest.pk).dismissed_at is None
