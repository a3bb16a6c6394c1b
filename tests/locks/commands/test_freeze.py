"""Freeze windows of an account: requests that begin a deployment are refused, with the end and the reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands import apply, create, preview
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.health.commands import operate
from deployments.locks.models import FreezeWindow
from deployments.recovery.commands import delete
from deployments.recovery.commands.delete import request_clean_up
from tests.builders import make_account, make_operator
from tests.commands.scenes import SCENES, template_set

pytestmark = pytest.mark.django_db
__all__ = ["template_set"]

FROZEN = (
    create.request_deployment,
    apply.apply_change,
    delete.request_deletion,
    request_clean_up,
)


def freeze(account: Account, **values: Any) -> FreezeWindow:
    """Freeze an account for two hours, starting an hour ago."""
    now = timezone.now()
    start, end = now - timedelta(hours=1), now + timedelta(hours=1)
    defaults: dict[str, Any] = {"name": "Year-end sale", "reason": "Every minute counts.", "kind": "once"}
    defaults |= {"start_date": start.date(), "start_time": start.time()}
    defaults |= {"end_date": end.date(), "end_time": end.time()}
    window = FreezeWindow(account=account, **(defaults | values))
    window.full_clean()
    window.save()
    return window


def account_of(values: dict[str, Any]) -> Account:
    if "account" in values:
        return values["account"]  # type: ignore[no-any-return]
    environment = values["environment"] if "environment" in values else values["deployment"].environment
    return environment.account  # type: ignore[no-any-return]


@pytest.mark.parametrize("action", FROZEN, ids=lambda action: action.__name__)
def test_requests_for_deployments_are_refused_with_the_end_and_the_reason_of_the_freeze(
    action: Callable[..., Any],
) -> None:
    values = SCENES[action]()
    account = account_of(values)
    window = freeze(account)
    end = datetime.combine(window.end_date, window.end_time)  # type: ignore[arg-type]
    before = Deployment.objects.count()

    with pytest.raises(UserFixable, match="Frozen") as refused:
        action(user=make_operator(), **values)

    assert error_text(refused.value) == (
        f"The account {account.name} is frozen until {end:%Y-%m-%d %H:%M} UTC by the window "
        "“Year-end sale”: “Every minute counts.”"
    )
    assert Deployment.objects.count() == before
    assert AuditRecord.objects.get().outcome == "refused"


def test_a_change_cannot_be_scheduled_into_a_freeze_but_for_its_end() -> None:
    values = SCENES[apply.apply_change]()
    account = account_of(values)
    window = freeze(account)
    end = datetime.combine(window.end_date, window.end_time, UTC)  # type: ignore[arg-type]

    with pytest.raises(UserFixable, match="ScheduleFrozen") as refused:
        apply.apply_change(user=make_operator(), **values, scheduled_for=end - timedelta(minutes=1))

    assert refused.value.field == "scheduled_for"
    assert error_text(refused.value) == (
        f"The account {account.name} will be frozen then, until {end:%Y-%m-%d %H:%M} UTC, by the window "
        "“Year-end sale”: “Every minute counts.” Choose another time."
    )
    assert apply.apply_change(user=make_operator(), **values, scheduled_for=end).state == "scheduled"


def test_previews_and_operation_go_on_in_a_freeze() -> None:
    for action in (preview.request_change, operate.request_site_check):
        values = SCENES[action]()
        freeze(account_of(values))

        action(user=make_operator(), **values)

        assert AuditRecord.objects.all()[0].outcome == "requested"
        account_of(values).environments.update(name="other", live_key=None)


def test_other_accounts_and_windows_that_are_switched_off_hold_nothing_back() -> None:
    values = SCENES[create.request_deployment]()
    freeze(make_account())
    freeze(values["account"], is_on=False)

    assert create.request_deployment(user=make_operator(), **values).is_active


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"zone": "Asia/Edo"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"start_date": None}, "start_date"),
        ({"end_date": datetime(2020, 1, 1).date()}, "end_date"),  # noqa: DTZ001
        ({"end_date": datetime(2099, 1, 1).date()}, "end_date"),  # noqa: DTZ001
        ({"kind": "weekly"}, "start_day"),
        (
            {
                "kind": "weekly",
                "start_day": 0,
                "end_day": 0,
                "start_time": datetime.min.time(),
                "end_time": datetime.min.time(),
            },
            "end_time",
        ),
    ],
)
def test_a_window_is_checked_with_a_message_at_its_field(values: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as problems:
        freeze(make_account(), **values)

    assert field in problems.value.message_dict
