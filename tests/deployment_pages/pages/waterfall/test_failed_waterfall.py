"""The rows of a recorded creation that failed and was rolled back: their statuses, reasons and bars."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages import recordings
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from tests.builders import make_user
from tests.pages.pages import Element, page

pytestmark = pytest.mark.django_db


@pytest.fixture
def deployment() -> Deployment:
    return recordings.open_included("failure", make_user("lead"))


@pytest.fixture
def rows(deployment: Deployment) -> dict[str, Row]:
    return {row.path: row for row in DeploymentView.whole(deployment).rows()}


@pytest.fixture
def shown(deployment: Deployment, client: Client) -> Element:
    client.force_login(make_user())
    return page(client.get(deployment.get_absolute_url()))


def test_one_row_is_the_first_failure_and_has_its_own_reason(rows: dict[str, Row]) -> None:
    (first,) = [row for row in rows.values() if row.is_cause]

    assert first.path == "Aurora/TrialDbCluster"
    assert first.display_status is DisplayStatus.FAILED
    assert "Cannot find version 8.0.mysql_aurora.3.10.6" in first.reason
    assert not first.hidden


def test_the_stack_around_the_first_failure_failed_too_and_has_no_reason(rows: dict[str, Row]) -> None:
    assert rows["Aurora"].display_status is DisplayStatus.FAILED
    assert rows["Aurora"].reason == ""
    assert rows[""].display_status is DisplayStatus.ROLLED_BACK


def test_siblings_are_canceled_and_what_was_created_is_deleted(rows: dict[str, Row]) -> None:
    assert rows["AppServers"].display_status is DisplayStatus.CANCELLED
    assert rows["Network/Vpc"].display_status is DisplayStatus.DELETED
    assert rows["Network/Vpc"].bars[0].status is DisplayStatus.DONE
    assert rows["Network/Vpc"].bars[-1].status is DisplayStatus.ROLLED_BACK


def test_a_row_that_never_ran_is_not_run_and_waits_for_nothing(rows: dict[str, Row]) -> None:
    """CloudFormation deletes the empty stack of resources that it never created: this is not a deletion."""
    idle = [row for row in rows.values() if row.display_status is DisplayStatus.NOT_RUN]

    assert {"DatabaseInstanceA", "Configuration", "@configuration", "@traffic", "@ready"} <= {
        row.path for row in idle
    }
    assert not any(row.waits for row in rows.values())
    assert not any(row.display_status is DisplayStatus.PENDING for row in rows.values())


def test_the_critical_path_leads_to_the_first_failure(deployment: Deployment) -> None:
    chain = DeploymentView.whole(deployment).timeline.critical.chain

    assert chain[-1] == "Aurora/TrialDbCluster"
    assert "Network/DbSecurityGroup" in chain


def test_creation_and_rollback_have_their_own_times(shown: Element) -> None:
    row = shown.one(id="t-Network.Vpc")
    cells = [cell.text for cell in row.all("td")]

    assert cells[0].startswith("⊖ Deleted")
    assert (cells[1], cells[3]) == ("0:01", "0:00")
    root = [cell.text for cell in shown.one(id="t-").all("td")]
    assert (root[1], root[3]) == ("0:22", "0:13")
    assert "60/75" in shown.one(id="t-").text


def test_the_first_failure_is_marked_in_the_page(shown: Element) -> None:
    row = shown.one("tr", class_="is-first")

    assert row["id"] == "t-Aurora.TrialDbCluster"
    assert "First failure" in row.text


def test_phases_that_never_ran_say_so(shown: Element) -> None:
    phases = shown.one(id="phases").text

    assert "Configuration Not run" in phases
    assert "60 of 75" in phases
    assert "Pending" not in phases
