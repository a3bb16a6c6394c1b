"""The rows below an Auto Scaling group, from what the observers found in an in-memory account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.core.status import DisplayStatus
from deployments.presentation.waterfall import cache
from deployments.presentation.waterfall.view_model import DeploymentView
from tests.builders import make_environment
from tests.fakes import FakeAws
from tests.runner.observed.environments import (
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
