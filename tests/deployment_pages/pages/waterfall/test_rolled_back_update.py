"""The rows of recorded updates that failed and were rolled back, and their comparison."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.models import parts_of
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import past_state
from tests.builders import make_user
from tests.deployment_pages.recorded import recorded
from tests.pages.pages import page

pytestmark = pytest.mark.django_db
FAILED, ROLLED_BACK = DisplayStatus.FAILED, DisplayStatus.ROLLED_BACK


def rows_of(deployment: Deployment) -> dict[str, Row]:
    return {row.path: row for row in DeploymentView.whole(deployment).rows()}


def test_a_nested_stack_that_was_complete_is_rolled_back_and_has_not_failed() -> None:
    """It removes what it replaced (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS) until the root stack rolls back."""
    rows = rows_of(recorded("failed_servers"))

    for path in ("Network", "Nlb", "Aurora"):
        assert rows[path].display_status is ROLLED_BACK
    for path in ("AppServers", "WebServers"):
        assert rows[path].display_status is FAILED


def test_what_its_nested_stack_restored_before_the_root_stack_turned_is_rolled_back() -> None:
    rows = rows_of(recorded("failed_database"))

    restored, failed = rows["Aurora/InitialiseDatabaseLogs"], rows["Aurora/TrialDbCluster"]
    assert restored.display_status is ROLLED_BACK
    assert restored.back is not None
    assert rows[""].back is not None
    assert restored.back.start < rows[""].back.start
    assert (failed.display_status, failed.is_cause) == (FAILED, True)
    assert "BackupRetentionPeriod" in failed.reason
    assert failed.back is not None
    assert failed.back.status is ROLLED_BACK


@pytest.mark.parametrize("name", ["failed_servers", "failed_database"])
def test_the_first_failure_is_a_row_that_failed(name: str) -> None:
    rows = rows_of(recorded(name))

    (first,) = (row for row in rows.values() if row.is_cause)
    assert first.display_status is FAILED
    assert first.reason


def test_the_header_says_that_it_rolls_back_while_only_a_nested_stack_does() -> None:
    deployment = recorded("failed_database")
    seen = []
    for seq, _at in past_state.event_times(deployment):
        view = DeploymentView.past(past_state.as_of(deployment, seq))
        if view.timeline.course.nested and view.timeline.course.turn is None:
            seen.append(view.summary.status)
            assert "Rolling back" in view.title or "↺" in view.title

    assert set(seen) == {DisplayStatus.ROLLING_BACK}


def test_a_comparison_has_the_results_of_the_pages(client: Client) -> None:
    deployment = recorded("failed_servers")
    rows = rows_of(deployment)

    parts = {part.path: part for part in parts_of(deployment)}
    group = parts["AppServers/AutoScalingGroup"]
    assert (group.result, group.status) == (FAILED, "UPDATE_FAILED")
    assert (parts["AppServers"].result, parts["AppServers"].status) == (FAILED, "UPDATE_ROLLBACK_COMPLETE")
    for path, part in parts.items():
        assert part.result is rows[path].display_status

    client.force_login(make_user())
    pk = deployment.pk
    shown = page(
        client.get(f"{deployment.environment.get_absolute_url()}compare?first={pk}&second={pk}&only=")
    )
    row = shown.one(id="c-AppServers/AutoScalingGroup").text
    assert "Failed" in row
    assert "UPDATE_FAILED" in row
