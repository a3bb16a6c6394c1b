"""AWS's statuses are displayed with a label and a color, including those without a label here."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from deployments.health.display import aws_badges
from deployments.health.rules import aws_statuses


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (aws_badges.TARGETS, aws_statuses.TARGET_STATES),
        (aws_badges.RUNS, aws_statuses.RUNS),
        (aws_badges.LIFECYCLES, aws_statuses.LIFECYCLES),
        (aws_badges.ACTIVITIES, aws_statuses.ACTIVITIES),
        (aws_badges.DATABASES, aws_statuses.DATABASES),
        (aws_badges.LOAD_BALANCERS, aws_statuses.LOAD_BALANCERS),
    ],
    ids=["targets", "runs", "lifecycles", "activities", "databases", "load-balancers"],
)
def test_no_label_is_for_a_status_that_nobody_knows(labels: Collection[str], known: Collection[str]) -> None:
    assert set(labels) <= set(known)


def test_a_known_status_has_its_label_and_color() -> None:
    assert "is-failed" in aws_badges.target("unhealthy")
    assert "Unhealthy" in aws_badges.target("unhealthy")
    assert "is-attention" in aws_badges.database("failing-over")
    assert "is-settling" in aws_badges.lifecycle("Terminating")


def test_a_status_without_a_label_is_displayed_as_aws_reports_it() -> None:
    badge = aws_badges.database("incompatible-network")

    assert "is-failed" in badge
    assert "incompatible-network" in badge


def test_an_unknown_status_is_neutral() -> None:
    assert "is-pending" in aws_badges.lifecycle("Teleporting")
    assert "Teleporting" in aws_badges.lifecycle("Teleporting")
    assert "unknown" in aws_badges.run("")


def test_details_of_a_run_are_below_its_badge_when_they_say_more() -> None:
    assert "raw" not in aws_badges.run("Failed", "Failed")
    assert '<span class="raw">DeliveryTimedOut</span>' in aws_badges.run("Failed", "DeliveryTimedOut")
