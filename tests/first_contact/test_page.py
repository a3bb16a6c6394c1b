"""The page of a first contact shows the run while it works, and what is left at its end."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from deployments.aws import session
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.shared import runs
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import finish
from tests.accounts.testing import production
from tests.builders import allow, make_user
from tests.fakes import FakeAws
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(db: None) -> Client:
    """The browser of a user who may manage accounts and nothing else."""
    client = Client()
    client.force_login(allow(make_user("mia"), "manage_accounts"))
    return client


def shown(manager: Client, account: Account, **headers: str) -> Element:
    return page(manager.get(reverse("first_contact", args=[account.pk]), headers=headers))


def test_before_the_first_run_the_page_has_the_command(manager: Client) -> None:
    account = production()

    found = shown(manager, account)

    assert found.one("pre", id="command").text == ".venv/bin/python manage.py first_contact production"
    assert "There was no first contact" in found.one(id="contact").text
    account_page = page(manager.get(reverse("aws_account", args=[account.pk])))
    assert account_page.one("a", id="first-contact").attributes["href"] == reverse(
        "first_contact", args=[account.pk]
    )


def test_a_run_in_progress_and_its_end(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    account, aws = production(), FakeAws()
    monkeypatch.setattr(session, "connect", aws)
    run = runs.begin(account, ["reads", "roles"])
    contact = Contact(run, lambda _line: None)
    contact.step = run.steps.get(name="reads")
    contact.check("ec2.zones", lambda clients: clients.ec2.zones())
    contact.note("the clock", "+900 s", Match.DIFFERENT)

    during = shown(manager, account, HX_Request="true")
    assert "In progress" in during.text
    assert not during.all("h1")
    reads = during.one("details", id="step-reads")
    assert "1 not as expected" in reads.text
    assert "+900 s" in reads.text
    assert "open" in reads.attributes
    assert "deleted at its end" in during.one(id="left").text

    finish(Contact(run, lambda _line: None))

    after = shown(manager, account)
    assert "Finished with differences" in after.one(id="contact").text
    assert "Nothing remains in AWS" in after.one(id="left").text
    assert "Not run" in after.one("details", id="step-roles").text


def test_what_remains_is_listed_with_the_command_that_finishes_it(
    manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, aws = production(), FakeAws()
    monkeypatch.setattr(session, "connect", aws)
    run = runs.begin(account, ["reads"])
    aws.tagged_arns = {run.tag: ["arn:aws:ec2:ap-northeast-1:123456789012:vpc/vpc-1"]}
    monkeypatch.setattr(Contact, "pause", lambda _self, _seconds=0.0: None)

    finish(Contact(run, lambda _line: None))

    left = shown(manager, account).one(id="left").text
    assert "AWS::EC2::VPC" in left
    assert "Resources remain" in shown(manager, account).text
    assert ContactRun.objects.unfinished(account) == run
