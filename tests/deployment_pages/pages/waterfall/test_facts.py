"""The places that show one fact agree (docs/facts.md), at any event of a recorded deployment."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages import recordings
from deployments.deployment_pages.api.schemas.deployments import RowList, word_of
from deployments.deployment_pages.models import parts_of
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models import past_state
from tests.builders import make_user
from tests.deployment_pages.recorded import NAMES, recorded

pytestmark = pytest.mark.django_db
INCLUDED = ("success", "failure", "update", "success-at-aws-speed")
AT_ANY_EVENT = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=[*NAMES, *INCLUDED])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    name: str = request.param
    return recorded(name) if name in NAMES else recordings.open_included(name, make_user("lead"))


def the_places_agree(view: DeploymentView) -> None:
    rows = {row.path: row for row in view.rows()}
    listed = {row.path: row for row in RowList.of(view.deployment, view.timeline).items}
    for path, row in rows.items():
        if path not in view.tree.nodes:
            continue
        assert row.display_status is view.status_at(path), path
        assert listed[path].display_status == word_of(row.display_status), path
    phases = [row.display_status for row in rows.values() if row.kind == "phase"]
    assert set(phases) <= {phase.status for phase in view.summary.phases}
    if "" in rows:
        assert rows[""].count == view.summary.count
    is_back = view.timeline.course.has_turned
    assert (view.summary.status is DisplayStatus.ROLLING_BACK) == (is_back and view.deployment.is_active)
    assert view.summary.count.done <= view.summary.count.total
    assert view.tree.rolled_back.done <= view.tree.rolled_back.total


@AT_ANY_EVENT
@given(share=st.floats(0, 1))
def test_at_any_event_the_page_and_the_api_say_the_same(deployment: Deployment, share: float) -> None:
    seq = 1 + round(share * (deployment.last_seq - 1))

    the_places_agree(DeploymentView.past(past_state.as_of(deployment, seq)))


def test_after_the_end_the_page_the_api_and_comparisons_say_the_same(deployment: Deployment) -> None:
    view = DeploymentView.whole(deployment)

    the_places_agree(view)
    for part in parts_of(deployment):
        assert part.result is view.status_at(part.path), part.path
    last = DeploymentView.past(past_state.as_of(deployment, deployment.last_seq))
    assert last.summary.status is view.summary.status
    assert last.summary.count == view.summary.count


def test_the_cause_is_a_row_that_failed_and_the_banner_names_it(deployment: Deployment) -> None:
    view = DeploymentView.whole(deployment)

    causes = [row for row in view.rows() if row.is_cause]
    if view.summary.banner is None:
        assert not causes
        return
    (cause,) = causes
    assert cause.display_status is DisplayStatus.FAILED
    leaf = view.summary.banner.leaf
    assert cause.path == "/".join(filter(None, (leaf.path, leaf.logical_id)))
