"""The pages of accounts: from a name and a region to a tested connection, without the admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.accounts.models import ConnectionTest
from deployments.accounts.pages.import_view import EXAMPLE
from deployments.accounts.shared.requested_tests import request_test
from deployments.aws.iam import SimulatedDecision
from deployments.environments.models.accounts import Account
from tests.accounts.testing import ROLE, SERVICE_ROLE, outcome_of, production, take_steps
from tests.builders import allow, make_account, make_environment, make_user
from tests.fakes import FakeAws
from tests.pages.pages import page, rows

pytestmark = pytest.mark.django_db
PRINCIPAL = "arn:aws:iam::111111111111:role/portal"
TEMPLATE_URL = "https://templates.s3.eu-west-1.amazonaws.com/account.yaml"
DENIED = SimulatedDecision(action="rds:ModifyDBCluster", resource="", is_allowed=False)


@pytest.fixture
def manager(db: None) -> Client:
    """The browser of a user who may manage accounts and nothing else."""
    client = Client()
    client.force_login(allow(make_user("mia"), "manage_accounts"))
    return client


def url(account: Account, name: str = "aws_account") -> str:
    return reverse(name, args=[account.pk])


def test_an_account_is_added_connected_and_tested_by_the_pages_alone(manager: Client, aws: FakeAws) -> None:
    first = page(manager.get(reverse("aws_accounts")))
    assert "No accounts yet" in first.text
    assert "Accounts" in first.one("nav", aria_label="Settings").text
    added = manager.post(reverse("aws_account_new"), {"name": "production", "region": "eu-west-1"})
    account = Account.objects.get(name="production")
    assert added["Location"] == url(account)

    shown = page(manager.get(url(account)))
    command = shown.one("pre", id="command").text
    assert f"ExternalId={account.external_id}" in command
    assert "--region eu-west-1" in command
    assert "Not tested" in shown.one(id="connection").text
    outputs = {"role_arn": ROLE, "service_role_arn": SERVICE_ROLE, "boundary_arn": "", "artifact_bucket": ""}
    manager.post(url(account), outputs)
    account.refresh_from_db()
    assert (account.role_arn, account.service_role_arn) == (ROLE, SERVICE_ROLE)

    manager.post(url(account, "aws_account_test"))
    waiting = page(manager.get(url(account)))
    assert "disabled" in waiting.one("button", id="test").attributes
    take_steps(account, aws, aws.identify)
    assert "Connected" in page(manager.get(url(account))).one(id="connection").text
    assert [one.action for one in AuditRecord.objects.order_by("pk")] == [
        *("add_account", "edit_account", "test_connection")
    ]


def test_while_a_test_is_in_progress_its_part_of_the_page_has_the_progress(
    manager: Client, aws: FakeAws
) -> None:
    account = production()
    request_test(account, timezone.now())
    ConnectionTest.objects.of(account).update(planned=54, done=7)

    part = page(manager.get(url(account), headers={"HX-Request": "true"}))

    assert "7 of 54" in part.one(id="progress").text
    assert not part.all("h1")


def test_a_failed_test_says_what_is_missing_and_what_to_add(manager: Client, aws: FakeAws) -> None:
    account = production()
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED
    outcome_of(account, aws)

    shown = page(manager.get(url(account))).one(id="connection")

    (line,) = shown.all("li", data_check="permissions")
    assert line["data-result"] == "problem"
    assert "rds:ModifyDBCluster" in line.one("code").text
    assert '"Action": [ "rds:ModifyDBCluster" ]' in line.one("pre").text
    assert "rds:ModifyDBCluster" in line.one("button")["data-copy"]
    (row,) = rows(manager.get(reverse("aws_accounts")))
    assert "Failed" in row
    assert "sanso-portal lacks permissions: 1." in row


def test_the_list_shows_failed_connections_and_warnings_alone(manager: Client, aws: FakeAws) -> None:
    outcome_of(production(service_role_arn=""), aws)
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED
    outcome_of(make_account("partners", role_arn=ROLE, service_role_arn=SERVICE_ROLE), aws)
    make_account("other")

    assert len(rows(manager.get(reverse("aws_accounts")))) == 3
    (failed,) = rows(manager.get(f"{reverse('aws_accounts')}?connection=problem"))
    assert "partners" in failed
    (warned,) = rows(manager.get(f"{reverse('aws_accounts')}?connection=warning"))
    assert "production" in warned
    assert "Warning" in warned
    assert "No service role" in warned


def test_settings_complete_the_command_and_offer_a_quick_create_link(
    manager: Client, settings: Settings
) -> None:
    account = make_account("production", region="eu-west-1")
    assert "Replace arn:aws:iam" in page(manager.get(url(account))).one(id="principal-unknown").text
    settings.SANSO_PORTAL_PRINCIPAL, settings.SANSO_ACCOUNT_TEMPLATE_URL = PRINCIPAL, TEMPLATE_URL

    shown = page(manager.get(url(account)))

    assert f"PortalPrincipal={PRINCIPAL}" in shown.one("pre", id="command").text
    assert not shown.all(id="principal-unknown")
    link = shown.one("a", id="quick-create")["href"]
    assert link.startswith("https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#")
    assert f"param_ExternalId={account.external_id}" in link
    assert "stackName=sanso-account" in link


def test_wrong_values_are_reported_beside_their_fields(manager: Client) -> None:
    account = make_account("production")

    wrong = manager.post(reverse("aws_account_new"), {"name": "production", "region": "nowhere"})
    assert wrong.status_code == 422
    assert {one["id"] for one in page(wrong).all("ul", class_="errors")} == {
        "id_name_error",
        "id_region_error",
    }
    outputs = manager.post(url(account), {"role_arn": "a role"})
    assert outputs.status_code == 422
    assert "ARN" in page(outputs).one("ul", id="id_role_arn_error").text
    edited = manager.post(url(account, "aws_account_edit"), {"name": "production", "region": ""})
    assert edited.status_code == 422


def imported(browser: Client, text: str | bytes) -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    return browser.post(
        reverse("aws_account_import"), {"file": SimpleUploadedFile("accounts.csv", content, "text/csv")}
    )


def test_accounts_are_imported_with_one_external_id(manager: Client) -> None:
    assert page(manager.get(reverse("aws_accounts"))).one(id="import-accounts")["href"] == "/accounts/import"
    example = page(manager.get(reverse("aws_account_import"))).one(id="example").text

    assert imported(manager, EXAMPLE)["Location"] == reverse("aws_accounts")

    assert "production" in example
    added = Account.objects.order_by("pk")
    assert [one.name for one in added] == ["production", "production-europe", "analytics"]
    assert len({one.external_id for one in added}) == 1
    assert added[0].role_arn == ROLE
    assert "3 accounts are added." in page(manager.get(reverse("aws_accounts"))).text
    records = AuditRecord.objects.order_by("pk")
    assert [(one.action, one.name) for one in records] == [("add_account", one.name) for one in added]


def test_a_file_with_a_problem_adds_nothing_and_names_each_line(manager: Client) -> None:
    make_account("production")

    wrong = imported(manager, f"{EXAMPLE}\nlate,nowhere,12")

    assert wrong.status_code == 422
    assert [one.text for one in page(wrong).one("ul", id="id_file_error").all("li")] == [
        "Line 2, name: Account with this Name already exists.",
        "Line 5, account_id: Enter the 12 digits of an AWS account ID.",
        "Line 5, region: Enter a region such as ap-northeast-1.",
    ]
    assert Account.objects.count() == 1
    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize("content", [b"name,\xff\n", b"\x00\n", b""])
def test_a_file_that_is_no_csv_is_refused(manager: Client, content: bytes) -> None:
    wrong = imported(manager, content)

    assert wrong.status_code == 422
    assert page(wrong).all("ul", id="id_file_error")


def test_an_account_is_edited(manager: Client) -> None:
    account = make_account("production")

    values = {"name": "live", "region": "eu-west-1", "role_arn": ROLE}
    assert manager.post(url(account, "aws_account_edit"), values)["Location"] == url(account)

    account.refresh_from_db()
    assert (account.name, account.region, account.role_arn) == ("live", "eu-west-1", ROLE)


def test_removing_says_what_stays_in_aws(manager: Client) -> None:
    account = make_account("production", artifact_bucket="our-templates")

    stays = page(manager.get(url(account, "aws_account_remove"))).one("ul", id="stays").text
    assert "stack sanso-account" in stays
    assert "our-templates" in stays
    done = manager.post(url(account, "aws_account_remove"), follow=True)

    assert "Nothing was deleted in AWS" in page(done).text
    assert not Account.objects.filter(pk=account.pk).exists()


def test_an_account_with_environments_stays(manager: Client) -> None:
    account = make_environment("shop").account

    assert (
        "cannot be removed"
        in page(manager.get(url(account, "aws_account_remove"))).one("p", id="in-use").text
    )
    manager.post(url(account, "aws_account_remove"))

    assert Account.objects.filter(pk=account.pk).exists()


def test_the_page_of_the_sandbox_has_no_roles_to_create(manager: Client) -> None:
    account = make_account("sandbox", is_sandbox=True, sandbox_account_id="123456789012")

    shown = page(manager.get(url(account)))

    assert not shown.all("pre", id="command")
    assert shown.one("button", id="test").text == "Test connection"


def test_a_failed_connection_is_shown_on_the_form_of_a_new_environment(
    browser: Client, template_set: Path, aws: FakeAws
) -> None:
    account = production()
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED
    outcome_of(account, aws)

    form = page(browser.get(reverse("environment_new"))).one(id="connection-warnings").text
    assert "The connection test of production failed" in form
    assert "lacks permissions: 1" in form
    aws.not_allowed.clear()
    outcome_of(account, aws)

    assert not page(browser.get(reverse("environment_new"))).all(id="connection-warnings")


def test_a_warning_is_shown_on_the_form_of_a_new_environment_after_what_failed(
    browser: Client, template_set: Path, aws: FakeAws
) -> None:
    outcome_of(production(service_role_arn=""), aws)
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED
    outcome_of(make_account("restricted", role_arn=ROLE, service_role_arn=SERVICE_ROLE), aws)

    failed, warned = page(browser.get(reverse("environment_new"))).one(id="connection-warnings").all("p")

    assert "The connection test of restricted failed" in failed.text
    assert "The connection test of production ended with a warning." in warned.text
    assert "No service role" in warned.text


def test_the_pages_are_in_japanese_as_well(manager: Client, aws: FakeAws) -> None:
    account = production()
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED
    outcome_of(account, aws)

    shown = page(manager.get(url(account), headers={"Accept-Language": "ja"})).one(id="connection").text

    assert "接続をテスト" in shown
    assert "sanso-portal" in shown
    assert "lacks permissions" not in shown


def test_without_the_right_there_are_no_pages(viewer: Client) -> None:
    account = make_account("production")

    for name in ("aws_account", "aws_account_edit", "aws_account_remove"):
        assert viewer.get(url(account, name)).status_code == 403
    assert viewer.get(reverse("aws_accounts")).status_code == 403
    assert imported(viewer, EXAMPLE).status_code == 403
    assert viewer.post(url(account, "aws_account_test")).status_code == 403
    assert not ConnectionTest.objects.exists()
