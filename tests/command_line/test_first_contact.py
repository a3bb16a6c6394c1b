"""`sanso first-contact`: requests one, waits for its end, and reports differences by its exit code."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from deployments.aws import session
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import take_steps
from sanso_cli import first_contact
from tests.accounts.testing import production
from tests.builders import allow
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.fakes import FakeAws

pytestmark = [pytest.mark.core, pytest.mark.django_db, pytest.mark.timeout(120)]


@pytest.fixture
def aws(operator: User, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """An account whose workers take all steps while the command waits."""
    found, account = FakeAws(), production()
    allow(operator, "manage_accounts")
    monkeypatch.setattr(session, "connect", found)
    monkeypatch.setattr(session, "identify_anew", lambda ref, _external_id="": found.identify(ref))
    monkeypatch.setattr(Contact, "pause", lambda _self, _seconds=0.0: None)
    monkeypatch.setattr("sanso_cli.first_contact.time.sleep", lambda _seconds: take_all(account))
    return found


def take_all(account: Account) -> None:
    for run in ContactRun.objects.active().of(account):
        take_steps(Contact(run, lambda _line: None))


def test_one_is_requested_awaited_and_printed(portal: PortalInProcess, shell: Shell, aws: FakeAws) -> None:
    assert shell.run("first-contact", "production", "--last")[0] == 3

    code, table, _ = shell.run("first-contact", "production", "--steps", "roles")

    assert code == 0, table
    assert "Nothing remains in AWS." in table
    code, found, _ = shell.run("first-contact", "production", "--last", "-o", "json")
    assert (code, json.loads(found)["as_expected"]) == (0, True)


def test_what_is_left_is_printed_and_cleaned_up(
    portal: PortalInProcess, shell: Shell, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = ["arn:aws:ec2:ap-northeast-1:123456789012:vpc/vpc-1"]
    monkeypatch.setattr(FakeAws, "tagged", lambda _self, _key, _tag: left)
    code, table, _ = shell.run("first-contact", "production", "--steps", "roles")
    assert code == 1
    assert "AWS::EC2::VPC" in table

    requested = shell.run("first-contact", "production", "--clean-up", "--no-wait")

    assert requested[0] == 0
    assert ContactRun.objects.get().state == "cleaning"


def test_one_in_progress_is_canceled(portal: PortalInProcess, shell: Shell, aws: FakeAws) -> None:
    shell.run("first-contact", "production", "--no-wait")

    code, table, _ = shell.run("first-contact", "production", "--cancel")

    assert code == 1
    assert "not run" in table


def test_without_workers_it_ends_with_a_sentence(
    portal: PortalInProcess, shell: Shell, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_contact, "LONGEST", -1.0)

    code, _, problem = shell.run("first-contact", "production")

    assert code == 1
    assert "Are the workers running?" in problem
