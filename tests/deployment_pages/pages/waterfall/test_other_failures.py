"""The failure banner counts other failed and canceled resources like the filters count the rows."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import at_ms, runs
from deployments.deployment_pages import recordings
from deployments.deployment_pages.pages.waterfall import cache
from deployments.deployment_pages.pages.waterfall.after_failure import steps_after_failure
from deployments.deployment_pages.pages.waterfall.other_failures import other_failures
from deployments.deployment_pages.pages.waterfall.row_builder import RowBuilder
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display.tree import ResourceTree, TreeNode
from deployments.stacks.models.timeline import TimelineRow
from tests.builders import make_user
from tests.deployment_pages.pages.waterfall.builders import T0, row_builder, row_of, stack
from tests.pages.pages import page


@pytest.fixture
def deployment(db: None) -> Deployment:
    return recordings.open_included("failure", make_user("lead"))


def test_the_banner_the_details_and_the_filter_have_one_number(
    deployment: Deployment, client: Client
) -> None:
    client.force_login(make_user())
    shown = page(client.get(deployment.get_absolute_url()))
    counted = [row for row in shown.all("tr", class_="is-counted") if "is-canceled" in row["class"]]

    assert [row["id"] for row in counted] == [
        "t-AppServers.AutoScalingGroup",
        "t-WebServers.AutoScalingGroup",
    ]
    others = shown.one(id="others")
    assert others.one("summary").text == "2 resources canceled as a result"
    assert [link["href"] for link in others.all("a")] == [
        "?row=AppServers/AutoScalingGroup",
        "?row=WebServers/AutoScalingGroup",
    ]
    followed = [step.text for step in steps_after_failure(DeploymentView.whole(deployment))]
    assert "2 resources were canceled as a result" in followed


def test_a_part_of_the_deployment_has_the_numbers_of_the_whole(deployment: Deployment) -> None:
    whole = DeploymentView.whole(deployment)
    known = cache.get(deployment)
    assert known
    part = DeploymentView.part(deployment, ["Network"], known)

    assert len(part.tree.nodes) < len(whole.tree.nodes)
    assert part.other_failures() == whole.other_failures()
    assert len(whole.other_failures().canceled) == 2


def test_a_nested_stack_is_a_problem_only_if_it_failed_by_itself() -> None:
    own = Failure(
        path="",
        logical_id="Web",
        type="AWS::CloudFormation::Stack",
        status="CREATE_FAILED",
        reason="Template format error: Unresolved resource dependencies [Vpc]",
        at=at_ms(T0),
    )
    changes: list[list[int | str]] = [[T0, "CREATE_IN_PROGRESS"], [T0 + 1000, "CREATE_FAILED"]]
    nodes = {path: stack(path, "CREATE_FAILED") for path in ("Data", "Web")}
    lines = {
        path: TimelineRow(
            path=path, type=node.type, status="CREATE_FAILED", is_stack=True, runs=runs(changes)
        )
        for path, node in nodes.items()
    }
    builder = row_builder(*nodes.values(), lines=lines, failures={"Web": [own]})

    (found,) = other_failures(builder, ["Data/Cluster"]).failed
    assert (found.path, found.message) == ("Web", own.reason)
    assert row_of("Web", builder).is_counted
    assert not row_of("Data", builder).is_counted
    assert row_of("Data", builder).display_status is DisplayStatus.FAILED
    unread = RowBuilder(tree=ResourceTree(), lines=lines, now=T0, failures={"Web": [own]})
    assert other_failures(unread, ["Data/Cluster"]).failed == (found,)


def test_the_first_failure_is_not_among_the_others() -> None:
    builder = row_builder(TreeNode(path="First", status="CREATE_FAILED"), TreeNode(path="Second"))

    assert not other_failures(builder, ["First"])
    assert [one.path for one in other_failures(builder, ["Second"]).failed] == ["First"]
