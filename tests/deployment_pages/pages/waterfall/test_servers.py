"""The rows below an Auto Scaling group, from what the observers found in an in-memory account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.cloudformation.status import DisplayStatus
from deployments.deployment_pages.pages.waterfall import cache
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from tests.builders import make_environment
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import (
    configure,
    make_healthy,
    make_parts,
    poll,
    server,
    set_target_state,
)

GROUP = "AppServers/AutoScalingGroup"
FAILED_TASK = b'TASK [Install uWSGI] ***\nfatal: [localhost]: FAILED! => {"msg": "no such package"}\n'


@pytest.mark.django_db
def test_servers_are_below_their_group_with_their_runs_and_targets() -> None:
    aws, environment = FakeAws(), make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="configuration", last_phase="configuration")
    make_healthy(aws, "staging")
    good, bad = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {good: "Success", bad: "Failed"}, run=2)
    began = timezone.now() - timedelta(seconds=9)
    folder = f"app/{bad}/staging-app/{began:%Y-%m-%dT%H-%M-%S}.000Z/ansible/0"
    aws.stored["logs", f"{folder}/stdout"] = FAILED_TASK
    set_target_state(aws, "staging", "app", 1, "unhealthy", "Target.Timeout")
    poll(aws)
    cache.clear()
    assert environment.latest

    rows = DeploymentView.whole(environment.latest).rows()

    below = [row for row in rows if row.path.startswith(GROUP)]
    of_bad = below[next(n for n, row in enumerate(below) if bad in row.path) :][:3]
    assert [(row.kind, row.level, row.display_status) for row in (below[0], *of_bad)] == [
        ("group", 3, DisplayStatus.DONE),
        ("instance", 4, DisplayStatus.DONE),
        ("run", 5, DisplayStatus.FAILED),
        ("target", 5, DisplayStatus.WAITING),  # not a failure while the deployment is active
    ]
    assert of_bad[1].reason == "Install uWSGI: no such package"
    (bar,) = of_bad[1].bars
    assert bar.end is not None
    assert bar.end - bar.start == 30_000


@pytest.mark.django_db
def test_what_is_observed_after_the_end_is_not_of_the_deployment() -> None:
    """Associations run again by their schedule, and targets become unhealthy another day."""
    aws, environment = FakeAws(), make_environment("staging", stack_id="arn:staging")
    make_parts(environment, state="configuration", last_phase="configuration")
    make_healthy(aws, "staging")
    one, other = (server("staging", "app", number) for number in (0, 1))
    configure(aws, "staging", "app", {one: "Success", other: "Success"}, run=2)
    poll(aws)
    deployment = environment.deployments.get()
    environment.deployments.update(state="succeeded", ended_at=timezone.now(), due_at=None)
    configure(aws, "staging", "app", {one: "InProgress"}, run=3)
    set_target_state(aws, "staging", "app", 1, "unhealthy", "Target.Timeout")
    poll(aws)
    cache.clear()
    deployment.refresh_from_db()
    environment.refresh_from_db()
    assert environment.latest == deployment

    rows = DeploymentView.whole(environment.latest).rows()

    below = [row for row in rows if row.path.startswith(f"{GROUP}/")]
    assert not [row.path for row in rows if row.is_running or row.is_problem]
    assert sorted(row.kind for row in below if one in row.path) == ["instance", "run", "target"]
    assert deployment.ended_at
    limit = deployment.ended_at.timestamp() * 1000
    assert all(bar.end is not None and bar.end <= limit for row in below for bar in row.bars)
