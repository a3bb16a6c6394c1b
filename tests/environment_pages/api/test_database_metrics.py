"""The metrics of databases in the API."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.environments import Environment
from tests.api.clients import Program
from tests.health_builders import make_failover, make_metrics, make_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(operator: User) -> Environment:
    return make_whole("shop", owner=operator)


def test_metrics_are_those_of_the_last_hours_with_null_where_there_is_no_value(
    program: Program, shop: Environment
) -> None:
    make_metrics(shop, (300, 12, 3, 8.0), (60, 20, None, 17.4), (5, 21, 4, None))
    make_failover(shop, 400)

    (cluster,) = program.get(f"/environments/{shop.pk}/database-metrics").json()["clusters"]

    assert cluster["cluster"] == "site-cluster"
    assert [list(one.values())[1:] for one in cluster["periods"]] == [[20.0, None, 17.4], [21.0, 4.0, None]]
    assert [(one["previous_writer"], one["writer"]) for one in cluster["failovers"]] == [("site-2", "site-1")]

    (cluster,) = program.get(f"/environments/{shop.pk}/database-metrics?hours=6").json()["clusters"]
    assert [one["writer_connections"] for one in cluster["periods"]] == [12.0, 20.0, 21.0]


def test_before_the_first_poll_there_are_no_periods(program: Program, shop: Environment) -> None:
    found = program.get(f"/environments/{shop.pk}/database-metrics").json()

    (cluster,) = found["clusters"]
    assert (cluster["periods"], cluster["failovers"]) == ([], [])
    assert {one["name"] for one in found["sources"]} == {"database", "metrics"}


@pytest.mark.parametrize("hours", ["0", "9000", "many"])
def test_other_numbers_of_hours_are_refused(program: Program, shop: Environment, hours: str) -> None:
    answer = program.get(f"/environments/{shop.pk}/database-metrics?hours={hours}")

    assert answer.status_code == 422
    assert "hours" in answer.text
