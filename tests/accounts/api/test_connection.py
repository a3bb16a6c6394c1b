"""The test of a connection through the API, the command line and the metrics."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from deployments.aws.iam import SimulatedDecision
from tests.accounts.testing import outcome_of, production, take_steps
from tests.api.clients import Program
from tests.builders import make_user
from tests.fakes import FakeAws

pytestmark = pytest.mark.django_db
DENIED = SimulatedDecision(action="rds:ModifyDBCluster", resource="", is_allowed=False)
TOKEN = "a-token-of-thirty-two-characters"


@pytest.fixture
def root(db: None) -> Program:
    """A program of a superuser."""
    return Program(make_user("root", is_superuser=True))


def test_a_test_is_requested_and_its_result_read(root: Program) -> None:
    aws, account = FakeAws(), production()
    path = f"/accounts/{account.pk}"
    before = root.get(f"{path}/connection").json()
    assert (before["running"], before["result"], before["findings"]) == (False, None, [])
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED

    response = root.post(f"{path}/test-connection", {})

    assert (response.status_code, response.json()["running"]) == (202, True)
    take_steps(account, aws, aws.identify)
    found = root.get(f"{path}/connection").json()
    assert (found["running"], found["result"], found["account_number"]) == (False, "problem", "123456789012")
    (line,) = [one for one in found["findings"] if one["check"] == "permissions"]
    assert line["actions"] == ["rds:ModifyDBCluster"]
    assert "rds:ModifyDBCluster" in line["policy"]
    assert line["advice"]


def test_accounts_have_the_result_of_their_last_test(root: Program) -> None:
    account = production()
    assert root.get(f"/accounts/{account.pk}").json()["connection"] is None

    outcome_of(account, FakeAws())

    assert root.get(f"/accounts/{account.pk}").json()["connection"] == "ok"
    (listed,) = root.get("/accounts").json()["items"]
    assert listed["connection"] == "ok"
    assert listed["connection_tested_at"]


def test_the_metrics_have_the_result_of_each_account(settings: Settings) -> None:
    settings.SANSO_METRICS_TOKEN = TOKEN
    scraper = Client(headers={"authorization": f"Bearer {TOKEN}"})
    aws, account = FakeAws(), production()
    untested = 'sanso_account_connection{account="production",result="untested"} 1.0'
    assert untested in scraper.get("/metrics").content.decode()
    aws.not_allowed["rds:ModifyDBCluster"] = DENIED

    outcome_of(account, aws)

    found = scraper.get("/metrics").content.decode()
    assert 'sanso_account_connection{account="production",result="problem"} 1.0' in found
    assert 'sanso_account_connection{account="production",result="ok"} 0.0' in found
