"""What a page shows after the end of a deployment: no clock goes on, and counts are of what changed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.utils import translation

from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.usual_durations import DurationSource, UsualDuration
from deployments.deployment_pages import recordings
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.display.badges import deployment_status
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import past_state
from deployments.stacks.rules.forecast import is_slow
from tests.builders import make_deployment, make_environment, make_user
from tests.deployment_pages.recorded import NAMES, recorded

pytestmark = pytest.mark.django_db
INCLUDED = ("success", "failure", "update", "success-at-aws-speed")
MOVING = {
    DisplayStatus.PENDING,
    DisplayStatus.WAITING,
    DisplayStatus.PROGRESS,
    DisplayStatus.SETTLING,
    DisplayStatus.ROLLING_BACK,
}


def opened(name: str) -> Deployment:
    return recorded(name) if name in NAMES else recordings.open_included(name, make_user("lead"))


@pytest.mark.parametrize("name", [*NAMES, *INCLUDED])
def test_after_the_end_no_row_moves_or_is_pending(name: str) -> None:
    for row in DeploymentView.whole(opened(name)).rows():
        assert row.display_status not in MOVING, row.path
        assert row.started is None or row.ended is not None, row.path
        assert row.back is None or row.back.end is not None, row.path
        assert all(bar.end is not None for bar in (*row.bars, *row.inner)), row.path


def test_the_clock_of_a_nested_stack_stands_still_once_it_is_updated() -> None:
    """It removes what it replaced until the root stack ends, which is no part of its update."""
    deployment = recorded("updated")
    seen: list[Row] = []
    for seq, _at in past_state.event_times(deployment):
        row = DeploymentView.past(past_state.as_of(deployment, seq)).row("Network")
        if row is not None and row.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            seen.append(row)

    assert len(seen) > 3
    assert not any(row.is_moving or row.is_slow for row in seen)
    assert all(before.ended == after.ended for before, after in pairwise(seen))
    final = DeploymentView.whole(deployment).row("Network")
    assert final is not None
    assert final.ended == seen[-1].ended


@pytest.mark.parametrize(("name", "shown"), [("updated", "10 of 10"), ("failed_servers", "9 of 13")])
def test_the_count_of_an_update_is_of_the_resources_that_it_changed(name: str, shown: str) -> None:
    with translation.override("en"):
        view = DeploymentView.whole(recorded(name))

        assert shown in [phase.detail for phase in view.summary.phases]
    assert f"{view.tree.count.done} of {view.tree.count.total}" == shown


def test_the_restored_resources_of_an_update_are_counted_while_it_rolls_back() -> None:
    tree = DeploymentView.whole(recorded("failed_servers")).tree

    assert tree.rolled_back.total == tree.count.total
    assert 0 < tree.rolled_back.done <= tree.rolled_back.total


@pytest.mark.parametrize("source", [DurationSource.TYPE, DurationSource.KIND, DurationSource.PRIOR])
def test_nothing_is_slow_by_the_durations_of_other_resources(source: DurationSource) -> None:
    assert is_slow(UsualDuration(0.1, 0.05, 0.2, 4, DurationSource.HERE.value), 9)
    assert not is_slow(UsualDuration(0.1, 0.05, 0.2, 4, source.value), 9)


def test_a_change_that_nobody_applied_is_not_canceled() -> None:
    discarded, stopped = (
        make_deployment(
            make_environment(code),
            kind="update",
            state="canceled",
            last_phase="preview",
            active_key=None,
            cancel_code=code.replace("-", "_"),
        )
        for code in ("discarded", "roll-back")
    )

    with translation.override("en"):
        assert "Discarded" in deployment_status(discarded)
        assert discarded.get_state_display() == "Discarded"
        assert "Canceled" in deployment_status(stopped)


def test_a_change_that_goes_back_to_an_earlier_deployment_is_a_rollback() -> None:
    first = make_deployment(state="succeeded", last_phase="ready", active_key=None)
    back = make_deployment(first.environment, kind="update", active_key=None, rolls_back_to=first)

    with translation.override("en"):
        assert back.get_kind_display() == "Rollback"
        assert "Roll back" in DeploymentView.whole(back).title
