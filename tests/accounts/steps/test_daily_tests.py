"""Connections are tested every day, and after their roles were changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.accounts.commands.accounts import save_account
from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules import connection
from deployments.accounts.steps import daily_tests
from deployments.environments.rules.account_template import REVISION, STACK
from tests.accounts.testing import outcome_of, production, take_steps
from tests.builders import make_account, make_user
from tests.fakes import FakeAws, FakeStack

pytestmark = pytest.mark.django_db


def test_accounts_on_aws_are_tested_once_they_have_a_role_and_daily(aws: FakeAws) -> None:
    now, account = timezone.now(), production()
    make_account("sandbox", is_sandbox=True)
    make_account("added", is_sandbox=False)

    assert daily_tests.request_due(now) == 1
    assert daily_tests.request_due(now) == 0  # it is in progress
    take_steps(account, aws, aws.identify)
    assert daily_tests.request_due(timezone.now()) == 0
    assert daily_tests.request_due(timezone.now() + daily_tests.INTERVAL + timedelta(minutes=1)) == 1


def test_portals_own_credentials_are_tested_daily_once_somebody_has_tested_them(aws: FakeAws) -> None:
    account = production(role_arn="")
    tomorrow = timezone.now() + daily_tests.INTERVAL + timedelta(minutes=1)

    assert daily_tests.request_due(tomorrow) == 0
    outcome_of(account, aws)

    assert daily_tests.request_due(tomorrow) == 1


def test_roles_that_were_fine_are_tested_anew_once_a_version_needs_newer_ones(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = production()
    stack = FakeStack(name=STACK, stack_id="account", status="CREATE_COMPLETE")
    stack.outputs = {"Revision": str(REVISION)}
    aws.stacks["account"] = stack
    assert outcome_of(account, aws).result == "ok"
    assert daily_tests.request_due(timezone.now()) == 0

    for module in (daily_tests, connection):  # as an upgrade does
        monkeypatch.setattr(module, "REVISION", REVISION + 1)

    assert daily_tests.request_due(timezone.now()) == 1
    take_steps(account, aws, aws.identify)
    assert ConnectionTest.objects.of(account).get().result == "warning"
    assert daily_tests.request_due(timezone.now()) == 0


def test_a_changed_role_is_tested_anew_and_a_new_name_is_not(aws: FakeAws) -> None:
    account, root = production(), make_user("root", is_superuser=True)
    outcome_of(account, aws)

    account.name = "renamed"
    save_account(user=root, account=account, changed=["name"])
    assert ConnectionTest.objects.of(account).get().result == "ok"
    account.artifact_bucket = "our-templates"
    save_account(user=root, account=account, changed=["artifact_bucket"])

    assert not ConnectionTest.objects.of(account).exists()
    assert daily_tests.request_due(timezone.now()) == 1
