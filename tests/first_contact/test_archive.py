"""The archive of a first contact has none of fifty secrets, wherever AWS or a person puts them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO

import pytest
from pytest_django import Settings

from deployments.aws import call_capture, session
from deployments.aws.call_capture import CollectedCalls
from deployments.aws.session import Clients
from deployments.common.errors import AwsRejected
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import Left
from deployments.first_contact.shared import runs
from deployments.first_contact.shared.call_log import lines_of
from deployments.first_contact.steps.contact import Contact
from portal.support import contact_archive
from tests.builders import make_account
from tests.call_logs.rules.hostile import BY_FORM, HIDDEN, IN_TEXT, NO_ECHO, calls
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(monkeypatch: pytest.MonkeyPatch) -> Contact:
    """A run in whose step every call is hostile."""
    account: Account = make_account("tokyo-production")
    monkeypatch.setattr(session, "connect", FakeAws())

    @contextmanager
    def hostile() -> Iterator[CollectedCalls]:
        found = CollectedCalls()
        for call in calls():
            found.add(call)
        yield found

    monkeypatch.setattr(call_capture, "collecting", hostile)
    run = runs.begin(account, ["reads"])
    found = Contact(run, lambda _line: None)
    found.step = run.steps.get(name="reads")
    found.hide(NO_ECHO)
    return found


def test_none_of_the_secrets_is_stored_or_in_the_archive(contact: Contact, settings: Settings) -> None:
    texts = [
        *(f"the password is {one} and" for one in (*NO_ECHO, *IN_TEXT)),
        *(f"the key is {one}" for one in BY_FORM[:2]),
        f"{settings.SECRET_KEY} in tokyo-production, arn:aws:iam::123456789012:role/boutique",
    ]
    for text in texts:
        contact.quietly(lambda _aws: None)
        contact.check("a question", partial(_raise, text))
        contact.note("a note", text)
    run = ContactRun.objects.get(pk=contact.run.pk)
    left = Left(
        type="AWS::EC2::VPC", id="vpc-0123456789abcdef0", billing="free", why=f"the password is {IN_TEXT[0]}"
    )
    run.left = [left.as_json()]
    run.save()

    output = BytesIO()
    contact_archive.write(output, run)

    with zipfile.ZipFile(output) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert files.keys() == {"README.txt", "versions.json", "report.txt", "report.json", "aws-calls.jsonl"}
    assert all(name in files["README.txt"] for name in files)
    assert files["aws-calls.jsonl"].count("CreateChangeSet") >= 1
    assert files["report.txt"].count("a note") == len(texts)
    everything = "\n".join([*files.values(), *lines_of(run)])
    names = [settings.SECRET_KEY, "tokyo-production", "123456789012", "vpc-0123456789abcdef0"]
    assert [one for one in (*HIDDEN, *names) if one in everything] == []


def test_nothing_that_is_known_to_be_secret_is_in_the_rows(contact: Contact) -> None:
    for secret in (*NO_ECHO, *IN_TEXT):
        contact.note("a note", f"the password is {secret}")

    step = ContactRun.objects.get(pk=contact.run.pk).steps.get(name="reads")

    assert [one for one in (*NO_ECHO, *IN_TEXT) if one in str(step.answers)] == []


def _raise(text: str, _aws: Clients) -> None:
    raise AwsRejected("ValidationError", text, "cloudformation:DescribeStacks")
