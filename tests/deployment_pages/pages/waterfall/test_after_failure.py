"""The events after the first failure, in a recorded deployment and in one whose rollback failed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.deployment_pages import recordings
from deployments.deployment_pages.pages.waterfall.after_failure import steps_after_failure
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.stacks.models.events import Event
from tests.builders import make_event, make_user

pytestmark = pytest.mark.django_db


def test_the_stacks_around_it_fail_others_are_canceled_and_the_rollback_begins() -> None:
    view = DeploymentView.whole(recordings.open_included("failure", make_user("reader")))

    steps = steps_after_failure(view)

    texts = [step.text for step in steps]
    assert texts[0].startswith(("Aurora failed", "2 resources were canceled"))
    assert "CloudFormation began to roll sanso-trial back" in texts
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert [step.is_back for step in steps] == sorted(step.is_back for step in steps)
    assert texts[-1] == "The rollback was complete"


def test_a_rollback_that_failed_says_for_how_many() -> None:
    deployment = recordings.open_included("failure", make_user("reader"))
    last = Event.objects.of(deployment).filter(source="cloudformation").last()
    assert last
    make_event(
        deployment,
        deployment.last_seq + 1,
        stack=last.stack,
        logical_id="Vpc",
        type="AWS::EC2::VPC",
        status="DELETE_FAILED",
        reason="It is in use.",
        at=last.at + timedelta(seconds=1),
    )
    deployment.refresh_from_db()

    texts = [step.text for step in steps_after_failure(DeploymentView.whole(deployment))]

    assert texts[-1] == "Rollback failed for 1 resource"


def test_nothing_followed_a_success() -> None:
    view = DeploymentView.whole(recordings.open_included("success", make_user("reader")))

    assert steps_after_failure(view) == []
