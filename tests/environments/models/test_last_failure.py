"""Which failure of an environment is the latest news, and its state once that is dismissed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from tests.builders import make_deployment, make_environment

pytestmark = pytest.mark.django_db
GOOD: dict[str, Any] = {"kind": "update", "state": "succeeded", "last_phase": "ready"}
ROLLED_BACK: dict[str, Any] = {"kind": "update", "state": "rolled_back", "last_phase": "stacks"}
REJECTED: dict[str, Any] = {"kind": "update", "state": "failed", "last_phase": "change_set"}
PREFLIGHT: dict[str, Any] = {"kind": "update", "state": "failed", "last_phase": "preflight"}
NOT_READY: dict[str, Any] = {"kind": "update", "state": "failed", "last_phase": "traffic"}
DISCARDED: dict[str, Any] = {"kind": "update", "state": "canceled", "last_phase": "preview"}
NOTHING: dict[str, Any] = {"kind": "update", "state": "succeeded", "last_phase": "change_set"}
PLAN: dict[str, Any] = REJECTED | {"operation": "plan"}
CONTINUED: dict[str, Any] = {"kind": "rollback", "state": "succeeded", "last_phase": "ready"}
UNDELETED: dict[str, Any] = {"kind": "delete", "state": "failed", "last_phase": "preflight"}


@pytest.fixture
def shop() -> Environment:
    """An environment that was created."""
    shop = make_environment("shop", stack_id="arn:shop", stack_status="UPDATE_COMPLETE")
    add(shop, {"state": "succeeded", "last_phase": "ready"})
    return shop


def add(shop: Environment, values: dict[str, Any], **more: Any) -> Deployment:
    """Add a deployment that ended after the others."""
    number = shop.deployments.count()
    return make_deployment(shop, **(values | {"ended_at": timezone.now() + timedelta(seconds=number)} | more))


def urgency(shop: Environment) -> Urgency:
    (found,) = Environment.objects.filter(pk=shop.pk).state_counts().by_urgency
    return found


@pytest.mark.parametrize("failed", [ROLLED_BACK, REJECTED, PREFLIGHT, NOT_READY])
@pytest.mark.parametrize("later", [None, DISCARDED, NOTHING, PLAN, UNDELETED])
def test_a_failed_change_is_the_latest_news_until_a_later_one_succeeds(
    shop: Environment, failed: dict[str, Any], later: dict[str, Any] | None
) -> None:
    row = add(shop, failed)
    if later:
        add(shop, later)

    assert Deployment.objects.last_failure_of(shop) == row

    add(shop, GOOD)
    assert Deployment.objects.last_failure_of(shop) is None


@pytest.mark.parametrize(
    "later", [CONTINUED, ROLLED_BACK | {"cancel_accepted_at": timezone.now()}], ids=["continued", "canceled"]
)
def test_what_led_out_of_a_failure_ends_it(shop: Environment, later: dict[str, Any]) -> None:
    add(shop, ROLLED_BACK)
    add(shop, later)

    assert Deployment.objects.last_failure_of(shop) is None


def test_a_change_that_ends_later_decides_though_it_was_requested_earlier(shop: Environment) -> None:
    failed = add(shop, ROLLED_BACK, ended_at=timezone.now() + timedelta(hours=1))
    add(shop, GOOD)

    assert Deployment.objects.last_failure_of(shop) == failed


def test_a_creation_that_failed_is_no_failed_change(shop: Environment) -> None:
    failed = add(shop, {"state": "rolled_back", "last_phase": "stacks"})

    assert Deployment.objects.last_failure_of(shop) == failed
    assert not failed.is_failed_change
    assert add(shop, ROLLED_BACK).is_failed_change
    assert not add(shop, ROLLED_BACK | {"is_retry": True, "protection": "wanted"}).is_failed_change


@pytest.mark.parametrize(
    ("failed", "status", "after"),
    [
        (ROLLED_BACK, "UPDATE_ROLLBACK_COMPLETE", Urgency.DEPLOYED),
        (NOT_READY, "UPDATE_COMPLETE", Urgency.DEPLOYED),
        (ROLLED_BACK | {"state": "failed"}, "UPDATE_ROLLBACK_FAILED", Urgency.PROBLEM),
        (ROLLED_BACK | {"state": "failed"}, "UPDATE_FAILED", Urgency.PROBLEM),
    ],
)
def test_a_dismissed_failure_is_no_problem_if_it_left_nothing_to_repair(
    shop: Environment, failed: dict[str, Any], status: str, after: Urgency
) -> None:
    Environment.objects.filter(pk=shop.pk).update(stack_status=status)
    row = add(shop, failed)
    assert urgency(shop) == Urgency.PROBLEM

    Deployment.objects.filter(pk=row.pk).update(dismissed_by="ana", dismissed_at=timezone.now())

    assert urgency(shop) == after

    add(shop, failed)
    assert urgency(shop) == Urgency.PROBLEM
