"""One run of an account at a time, of which the newest are kept."""

from __future__ import annotations

import pytest

from deployments.aws import session
from deployments.first_contact.models import ContactRun
from deployments.first_contact.shared import runs
from deployments.first_contact.steps.contact import Contact
from deployments.first_contact.steps.run import finish
from tests.accounts.testing import production
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """An empty account."""
    found = FakeAws()
    monkeypatch.setattr(session, "connect", found)
    return found


def test_a_second_run_of_an_account_begins_after_the_first_has_cleaned_up() -> None:
    account = production()
    first = runs.begin(account, ["reads"])

    with pytest.raises(runs.Busy):
        runs.begin(account, ["reads"])

    finish(Contact(first, lambda _line: None))
    second = runs.begin(account, ["reads"])
    assert second.tag != first.tag
    assert ContactRun.objects.unfinished(account) == second


def test_the_newest_five_runs_of_an_account_are_kept() -> None:
    account = production()
    tags: list[str] = []
    for _ in range(runs.KEPT + 2):
        run = runs.begin(account, [])
        finish(Contact(run, lambda _line: None))
        tags.insert(0, run.tag)

    assert [run.tag for run in ContactRun.objects.of(account)] == tags[: runs.KEPT]
