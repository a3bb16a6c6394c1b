"""The page of a first contact shows the run while it works, and what is left at its end."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse

from deployments.access.models.audit_records import AuditRecord
from deployments.aws import session
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.rules.step_names import ALL, FREE
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


def contact_url(name: str, run: ContactRun) -> str:
    return reverse(name, args=[run.account_id, run.pk])


def test_a_run_is_requested_with_the_chosen_steps_and_canceled(manager: Client) -> None:
    account = production()
    address = reverse("first_contact", args=[account.pk])
    before = shown(manager, account)
    chosen = {
        one.attributes["value"]: "checked" in one.attributes for one in before.all("input", name="steps")
    }
    assert chosen == {name: name in FREE for name in ALL}
    assert "AWS charges for its Network Load Balancer" in before.one(id="about-probe").text

    refused = manager.post(address, {})
    assert refused.status_code == 422
    assert "Choose at least one step." in page(refused).one(id="id_steps_error").text
    assert manager.post(address, {"steps": ["reads", "probe"]}).status_code == 302
    assert manager.post(address, {"steps": ["probe", "reads"]}).status_code == 302  # a double click

    run = ContactRun.objects.get()
    assert list(run.steps.values_list("name", flat=True)) == ["reads", "probe", "clean_up"]
    during = shown(manager, account)
    assert "Queued" in during.one(id="contact").text
    assert "mia" in during.one(id="contact").text
    other = manager.post(address, {"steps": ["reads"]})
    assert "is in progress" in page(other).text

    assert manager.post(contact_url("first_contact_cancel", run)).status_code == 302
    assert "Canceling" in shown(manager, account).one(id="contact").text
    assert not shown(manager, account).all("button", id="cancel")
    recorded = AuditRecord.objects.order_by("pk").values_list("action", "outcome", "name")
    assert list(recorded) == [
        ("run_first_contact", "refused", "production"),
        ("run_first_contact", "requested", "production"),
        ("run_first_contact", "refused", "production"),
        ("cancel_first_contact", "requested", "production"),
    ]


def test_an_account_is_neither_changed_nor_removed_while_a_run_calls_aws_in_it(manager: Client) -> None:
    account = production()
    run = runs.begin(account, ["reads"])
    values = {"name": "production", "region": "eu-west-1"}

    edited = manager.post(reverse("aws_account_edit", args=[account.pk]), values)
    outputs = manager.post(reverse("aws_account", args=[account.pk]), {"artifact_bucket": "another-bucket"})
    removed = manager.post(reverse("aws_account_remove", args=[account.pk]), follow=True)

    for refused in (page(edited), page(outputs), page(removed)):
        assert "A first contact with production is in progress" in refused.text
    assert Account.objects.get(pk=account.pk).region == account.region
    assert ContactRun.objects.filter(pk=run.pk).exists()


def test_the_archive_is_downloaded_after_the_end(manager: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    account = production()
    monkeypatch.setattr(session, "connect", FakeAws())
    run = runs.begin(account, [])
    finish(Contact(run, lambda _line: None))
    assert shown(manager, account).one("button", id="archive").text == "Download archive"

    got = manager.post(contact_url("first_contact_archive", run))

    with zipfile.ZipFile(BytesIO(got.content)) as archive:
        assert "report.txt" in archive.namelist()
    assert AuditRecord.objects.get().action == "download_first_contact"


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
    address = reverse("first_contact", args=[account.pk])
    refused = page(manager.post(address, {"steps": ["reads"]}))
    assert "has left resources in AWS. Clean up" in refused.text
    assert manager.post(contact_url("first_contact_clean_up", run)).status_code == 302
    assert "Cleaning up" in shown(manager, account).one(id="contact").text
