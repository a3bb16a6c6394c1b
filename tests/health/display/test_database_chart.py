"""The metrics of a database on the page of its environment: charts, numbers, and a table."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.health.models.observing import Observation
from tests.builders import make_deployment
from tests.health_builders import make_failover, make_metrics, make_whole
from tests.pages.environment_pages import show
from tests.pages.pages import Element

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    """Return an environment that exists for two hours."""
    environment = make_whole()
    Environment.objects.update(created_at=timezone.now() - timedelta(hours=2))
    return environment


def metrics(browser: Client, environment: Environment) -> Element:
    return show(browser, environment, "database").one(id="metrics")


def pieces(d: str) -> list[list[float]]:
    """Return the pieces of a line as their numbers: left, height, then right and what follows at once."""
    return [[float(number) for number in re.findall(r"[0-9.]+", piece)] for piece in d.split("M")[1:]]


def facts(card: Element) -> dict[str, str]:
    """Return the numbers above the charts."""
    return {row.one("dt").text: row.one("dd").text for row in card.one("dl").all("div")}


def test_connections_and_lag_are_lines_over_time(browser: Client, environment: Environment) -> None:
    make_metrics(environment, (60, 20, 4, 17.4), (55, 20, 4, 18.0), (0, 34, 5, 90.5))

    card = metrics(browser, environment)

    connections, lag = card.all("svg", class_="area")
    first, second = pieces(connections.one("path", class_="first")["d"])
    assert (first[1], second[1]) == (60.0, 18.0)  # of an axis from 0 to 40 that is 120 high
    assert (first[0], first[-1]) == pytest.approx((0, 150), abs=30)
    assert second[2] == pytest.approx(1000, abs=1)
    assert len(pieces(connections.one("path", class_="second")["d"])) == 2
    assert lag.one("path", class_="second")["d"] == ""
    assert [one.text for one in card.all("svg", class_="axis")[1].all("text")] == ["100 ms", "50", "0"]
    found = facts(card)
    assert (found["Connections of the writer"], found["Replica lag"]) == ("34", "90.5 ms")


def test_a_gap_stays_where_cloudwatch_has_no_value(browser: Client, environment: Environment) -> None:
    make_metrics(environment, (60, 20, None, None), (30, 21, None, None))

    card = metrics(browser, environment)

    (connections,) = card.all("svg", class_="area")
    assert len(pieces(connections.one("path", class_="first")["d"])) == 2
    assert "Reader" not in card.one("p", class_="key").text
    found = facts(card)
    assert (found["Connections of the writer"], found["Replica lag"]) == ("–", "–")


def test_failovers_and_deployments_are_marks_and_in_the_table(
    browser: Client, environment: Environment
) -> None:
    make_metrics(environment, (60, 20, 4, 17.4), (1, 34, 5, 90.5))
    change = make_deployment(environment, kind="update", state="succeeded", last_phase="stacks")
    make_failover(environment, 30)
    make_failover(environment, 60 * 24)

    card = metrics(browser, environment)

    for chart in card.all("svg", class_="area"):
        assert [one.one("title").text for one in chart.all("g", class_="failover")] == [
            "Failover from site-2 to site-1"
        ]
        assert [one.one("title").text for one in chart.all("g", class_="mark")] == [f"Update {change.pk}"]
        assert f"Events: Failover from site-2 to site-1, Update {change.pk}." in chart["aria-label"]
    assert card.one(class_="last-failover").all("time")
    rows = [[cell.text for cell in row.all("td")] for row in card.one("tbody").all("tr")]
    assert rows == [["34", "5", "90.5"], ["20", "4", "17.4"]]
    assert "Failover from site-2 to site-1" in card.one("details").text


def test_a_failover_before_the_time_of_the_chart_is_the_last_one(
    browser: Client, environment: Environment
) -> None:
    make_metrics(environment, (1, 34, 5, 90.5))
    make_failover(environment, 60 * 24)

    card = metrics(browser, environment)

    assert card.all("g", class_="failover") == []
    assert card.one(class_="last-failover").all("time")


def test_without_metrics_there_is_no_number_and_the_reason_is_named(
    browser: Client, environment: Environment
) -> None:
    card = metrics(browser, environment)
    assert "CloudWatch has no metrics of this database yet." in card.text
    assert card.all("svg", class_="area") == []
    assert facts(card)["Last failover"] == "None observed"

    problem = Message(Code.AWS_DENIED_SHORT, {"action": "cloudwatch:GetMetricData", "code": "AccessDenied"})
    Observation.objects.filter(source="metrics").update(
        problem_code="AccessDenied", problem_sentence=problem.as_json()
    )
    card = metrics(browser, environment)
    assert "CloudWatch is not responding." in card.text
    assert "AWS denied cloudwatch:GetMetricData" in card.text
    assert "no metrics of this database yet" not in card.text
