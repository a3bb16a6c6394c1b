"""`sanso test-account`: requests a test, waits for it, and says what is wrong by its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from deployments.aws.iam import SimulatedDecision
from deployments.environments.models.accounts import Account
from sanso_cli import accounts
from tests.accounts.testing import production, take_steps
from tests.builders import allow
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.fakes import FakeAws

pytestmark = [pytest.mark.core, pytest.mark.django_db, pytest.mark.timeout(120)]


def test_a_test_is_requested_awaited_and_printed(
    portal: PortalInProcess, shell: Shell, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(operator, "manage_accounts")
    aws, account = FakeAws(), production()
    assert shell.run("test-account", "production", "--last")[0] == 3
    monkeypatch.setattr(
        "sanso_cli.accounts.time.sleep", lambda _seconds: take_steps(account, aws, aws.identify)
    )

    code, table, _ = shell.run("test-account", "production")
    assert (code, "identity" in table) == (0, True)

    aws.not_allowed["rds:ModifyDBCluster"] = SimulatedDecision(
        action="rds:ModifyDBCluster", resource="", is_allowed=False
    )
    code, table, _ = shell.run("test-account", "production")
    assert code == 1
    assert "permissions: rds:ModifyDBCluster" in table
    code, found, _ = shell.run("test-account", "production", "--last", "-o", "json")
    assert (code, json.loads(found)["result"]) == (1, "problem")
    assert "problem" in shell.run("accounts")[1]


def test_an_account_is_removed_after_saying_what_stays_in_aws(
    portal: PortalInProcess, shell: Shell, operator: User
) -> None:
    allow(operator, "manage_accounts")
    account = production(artifact_bucket="our-templates")

    code, printed, _ = shell.run("remove-account", "production", "--yes")

    assert code == 0
    assert not Account.objects.filter(pk=account.pk).exists()
    text = " ".join(printed.split())
    assert "Nothing was deleted in AWS" in text
    assert "Stays in AWS: The stack sanso-account in ap-northeast-1" in text
    assert "The artifact bucket our-templates" in text


def test_accounts_are_imported_from_a_file_or_standard_input(
    portal: PortalInProcess, shell: Shell, operator: User, tmp_path: Path
) -> None:
    allow(operator, "manage_accounts")
    file = tmp_path / "accounts.csv"
    file.write_text("name,region,account_id\none,eu-west-1,123456789012\n", encoding="utf-8-sig")

    code, printed, _ = shell.run("import-accounts", str(file), "-o", "json")

    assert code == 0
    (added,) = json.loads(printed)["accounts"]
    assert added["role_arn"] == "arn:aws:iam::123456789012:role/sanso-portal"
    code, _printed, problem = shell.run("import-accounts", str(file))
    assert code == 3
    assert "csv.2.name: Line 2, name:" in problem
    assert Account.objects.count() == 1


def test_an_account_that_nobody_confirms_stays(portal: PortalInProcess, shell: Shell, operator: User) -> None:
    allow(operator, "manage_accounts")
    account = production()

    code, printed, _ = shell.run("remove-account", "production", typed="n\n")

    assert code == 130
    assert "Stays in AWS" in printed
    assert Account.objects.filter(pk=account.pk).exists()


def test_a_test_without_workers_ends_with_a_sentence(
    portal: PortalInProcess, shell: Shell, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(operator, "manage_accounts")
    production()
    monkeypatch.setattr(accounts, "LONGEST", -1.0)

    code, _, problem = shell.run("test-account", "production")

    assert code == 1
    assert "Are the workers running?" in problem
