"""Outputs of association runs: each output is read only for the run that wrote it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from tests.fakes import FakeAws
from tests.health.steps.observed.environments import configure, poll, server

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("status", "figures"), [("Skipped", {}), ("Failed", {"ok": 3, "failed": 1})])
def test_a_skipped_run_gets_no_output_of_an_earlier_one(
    aws: FakeAws,
    environment: Environment,
    status: str,
    figures: dict[str, int],
) -> None:
    poll(aws)
    one = server("staging", "app", 1)
    configure(aws, "staging", "app", {server("staging", "app", 0): "Success", one: status}, run=2)
    at = aws.execution_target_rows["staging-app-2"][1].at
    assert at is not None
    began = f"{at - timedelta(minutes=9):%Y-%m-%dT%H-%M-%S}.000Z"
    folder = f"app/{one}/staging-app/{began}/awsrunShellScript/runShellScript"
    aws.stored["logs", f"{folder}/stdout"] = b"PLAY RECAP ****\nlocalhost : ok=3 unreachable=0 failed=1\n"

    poll(aws, "associations")

    run = AssociationRun.objects.newest_of_each().get(instance_id=one)
    assert run.status == status
    assert {name: number for name, number in run.recap.items() if number} == figures
    assert bool(run.output) == bool(figures)
