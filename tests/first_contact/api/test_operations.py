"""First contacts in the API: requested, followed, canceled and cleaned up after."""

from __future__ import annotations

import pytest

from deployments.aws import session
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import ContactRun
from deployments.first_contact.shared import runs
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import finish
from tests.accounts.testing import production
from tests.api.clients import Program
from tests.builders import make_user
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(db: None) -> Program:
    """A program of a superuser."""
    return Program(make_user("root", is_superuser=True))


@pytest.fixture
def account() -> Account:
    return production()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    found = FakeAws()
    monkeypatch.setattr(session, "connect", found)
    monkeypatch.setattr(Contact, "pause", lambda _self, _seconds=0.0: None)
    return found


def test_a_run_is_requested_followed_and_canceled(root: Program, account: Account, aws: FakeAws) -> None:
    path = f"/accounts/{account.pk}/first-contacts"
    assert root.get(path).json() == {"items": []}

    requested = root.post(path, {"steps": ["roles", "reads"]})

    assert requested.status_code == 202, requested.content
    found = requested.json()
    assert (found["state"], found["requested_by"], found["as_expected"]) == ("queued", "root", None)
    assert [one["name"] for one in found["steps"]] == ["reads", "roles", "clean_up"]
    assert root.get(path).json() == {"items": [found]}
    canceled = root.post(f"{path}/{found['id']}/cancel", {})
    assert (canceled.status_code, canceled.json()["canceled"]) == (202, True)
    finish(Contact(ContactRun.objects.get(), lambda _line: None))
    ended = root.get(f"{path}/{found['id']}").json()
    assert (ended["state"], ended["as_expected"], ended["left"]) == ("finished", False, [])
    again = root.post(f"{path}/{found['id']}/cancel", {})
    assert (again.status_code, again.json()["message"]) == (409, "contact_finished")


def test_what_is_left_is_listed_and_cleaned_up_again(root: Program, account: Account, aws: FakeAws) -> None:
    run = runs.begin(account, ["reads"])
    aws.tagged_arns = {run.tag: ["arn:aws:ec2:ap-northeast-1:123456789012:vpc/vpc-1"]}
    finish(Contact(run, lambda _line: None))
    path = f"/accounts/{account.pk}/first-contacts"
    (left,) = root.get(f"{path}/{run.pk}").json()["left"]
    assert (left["type"], left["billing"]) == ("AWS::EC2::VPC", "free")
    assert root.post(path, {}).json()["message"] == "contact_left"

    cleaned = root.post(f"{path}/{run.pk}/clean-up", {})

    assert (cleaned.status_code, cleaned.json()["state"], cleaned.json()["left"]) == (202, "cleaning", None)


def test_an_unknown_step_and_none_are_refused_beside_their_field(root: Program, account: Account) -> None:
    path = f"/accounts/{account.pk}/first-contacts"

    unknown, none = root.post(path, {"steps": ["everything"]}), root.post(path, {"steps": []})

    assert (unknown.status_code, none.status_code) == (422, 422)
    assert unknown.json()["errors"][0]["field"].startswith("steps")
    assert none.json()["errors"][0]["detail"] == "Choose at least one step."
    assert not ContactRun.objects.exists()


def test_only_who_manages_accounts_may_run_one(account: Account) -> None:
    viewer = Program(make_user("vic"))
    run = runs.begin(account, ["reads"])
    path = f"/accounts/{account.pk}/first-contacts"

    answers = [
        viewer.get(path),
        viewer.get(f"{path}/{run.pk}"),
        viewer.post(path, {}),
        viewer.post(f"{path}/{run.pk}/cancel", {}),
        viewer.post(f"{path}/{run.pk}/clean-up", {}),
    ]

    assert [one.status_code for one in answers] == [403] * 5
