"""Restore drills in the API and on the environment's page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.restore_drills.models import RestoreDrill
from tests.api.clients import Program
from tests.health_builders import make_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(operator: User) -> Environment:
    return make_whole("shop", owner=operator)


def end(drill: RestoreDrill) -> None:
    """Let a drill end as its steps do."""
    now = timezone.now()
    values = {"cluster": "site-cluster", "version": "8.0.mysql_aurora.3.10.6"}
    RestoreDrill.objects.filter(pk=drill.pk).update(
        state="finished",
        result="passed",
        sentence=Message(Code.DRILL_PASSED, values).as_json(),
        active_key=None,
        point_at=now - timedelta(minutes=30),
        chosen_at=now - timedelta(minutes=25),
        ready_at=now - timedelta(minutes=5),
        ended_at=now,
    )


def test_a_drill_is_requested_once_and_its_result_is_read(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}/restore-drills"

    requested = program.post(path, {"cluster": "site-cluster"})
    again = program.post(path, {})

    assert (requested.status_code, again.status_code) == (202, 202), requested.content
    assert requested.json()["id"] == again.json()["id"]
    assert (requested.json()["state"], requested.json()["result"]) == ("queued", "")
    end(RestoreDrill.objects.get())
    found = program.get(f"{path}/{requested.json()['id']}").json()
    assert (found["result"], found["rpo_seconds"], found["rto_seconds"]) == ("passed", 300, 1200)
    assert "Its tables were not read" in found["text"]
    assert program.get(path).json()["items"] == [found]


def test_an_unknown_cluster_is_refused(program: Program, shop: Environment) -> None:
    refused = program.post(f"/environments/{shop.pk}/restore-drills", {"cluster": "another"})

    assert refused.status_code in (409, 422)
    assert not RestoreDrill.objects.exists()


def test_the_tab_has_the_button_and_the_last_result_with_its_times(
    client: Client, operator: User, shop: Environment
) -> None:
    client.force_login(operator)
    page = f"{shop.get_absolute_url()}database"
    assert "Run restore drill" in client.get(page).content.decode()

    assert client.post(f"{shop.get_absolute_url()}drill", {"cluster": "site-cluster"}).status_code == 302
    text = client.get(page).content.decode()
    assert "drill-in-progress" in text
    assert "Run restore drill" not in text
    end(RestoreDrill.objects.get())

    text = client.get(page).content.decode()
    assert "Passed" in text
    assert "5:00" in text
    assert "20:00" in text


def test_of_two_databases_the_one_in_use_is_drilled(
    client: Client, program: Program, operator: User, shop: Environment
) -> None:
    second = shop.clusters.get()
    second.pk, second.cluster_id = None, "site-second"
    second.save()
    Environment.objects.filter(pk=shop.pk).update(outputs={"ClusterId": "site-second"})
    client.force_login(operator)

    page = client.get(f"{shop.get_absolute_url()}database").content.decode()
    requested = program.post(f"/environments/{shop.pk}/restore-drills", {})

    assert "run-drill-site-second" in page
    assert "run-drill-site-cluster" not in page
    assert requested.json()["cluster"] == "site-second"


def test_a_failed_drill_is_shown_on_the_page_and_as_a_problem_in_lists(
    client: Client, program: Program, operator: User, shop: Environment
) -> None:
    reason = Message(Code.DRILL_NO_POINT, {"cluster": "site-cluster"}).as_json()
    drill = RestoreDrill.objects.create(
        environment=shop,
        requested_by=operator,
        cluster_id="site-cluster",
        state="finished",
        result="failed",
        sentence=reason,
    )
    Environment.objects.filter(pk=shop.pk).update(drill_failed_at=drill.began_at)
    client.force_login(operator)

    page = client.get(shop.get_absolute_url()).content.decode()
    (listed,) = program.get("/environments?state=problem").json()["items"]

    assert "Restore drill failed" in page
    assert "RDS has no point in time" in page
    assert (listed["status"], listed["note"]["code"]) == ("healthy", "drill_failed")
    Environment.objects.filter(pk=shop.pk).update(drill_failed_at=None)
    assert "Restore drill failed" not in client.get(shop.get_absolute_url()).content.decode()
    assert program.get("/environments?state=problem").json()["items"] == []


def test_monthly_drills_are_switched_on_and_off_by_the_api_and_the_page(
    client: Client, program: Program, operator: User, shop: Environment
) -> None:
    path = f"/environments/{shop.pk}"
    client.force_login(operator)
    assert program.get(f"{path}/restore-drills").json()["schedule"] == {"monthly": False, "next_at": None}

    found = program.post(f"{path}/restore-drill-schedule", {"monthly": True}).json()
    assert (found["monthly"], found["next_at"] is not None) == (True, True)
    page = client.get(f"{shop.get_absolute_url()}database").content.decode()
    assert "The next drill is due." in page

    assert client.post(f"{shop.get_absolute_url()}drill-schedule", {"monthly": "no"}).status_code == 302
    assert "No drill is scheduled." in client.get(f"{shop.get_absolute_url()}database").content.decode()
    assert program.get(f"{path}/restore-drills").json()["schedule"]["monthly"] is False

    program.post(f"{path}/restore-drills", {})
    client.post(f"{shop.get_absolute_url()}drill-schedule", {"monthly": "yes"})
    page = client.get(f"{shop.get_absolute_url()}database").content.decode()
    assert "Next drill:" in page
    assert "UTC" in page.partition("Next drill:")[2][:200]


def test_without_a_database_there_is_no_schedule(program: Program, shop: Environment) -> None:
    shop.clusters.all().delete()

    refused = program.post(f"/environments/{shop.pk}/restore-drill-schedule", {"monthly": True})

    assert refused.status_code in (409, 422)
    assert "no such database" in refused.json()["detail"]
