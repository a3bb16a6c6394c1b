"""Responses of the API about environments and deployments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from deployments.access.models.grants import Label
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.models import EnvironmentLock
from deployments.stacks.models import timeline
from tests.api.clients import ROOT, Program
from tests.builders import (
    make_account,
    make_deployment,
    make_environment,
    make_event,
    make_grant,
    make_resource,
    make_stack,
)
from tests.live import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(operator: User) -> Environment:
    """A deployed environment with a stack, an event from CloudFormation and an event from Sanso."""
    environment = make_environment(
        "shop", owner=operator, parameters={"Size": "small"}, outputs={"SiteUrl": "http://shop.example.com"}
    )
    deployment = make_deployment(environment, state="succeeded", requested_by=operator)
    make_resource(make_stack(deployment, status="CREATE_COMPLETE"), "Topic")
    make_event(deployment, 1, source="portal", code="requested", status="", values={"user": "ana"})
    make_event(deployment, 2)
    return environment


def names(response: Any) -> list[str]:
    return [one["name"] for one in response.json()["items"]]


def test_environments_are_filtered(program: Program, shop: Environment) -> None:
    other = make_environment("other", account=make_account("elsewhere"))
    make_deployment(other)
    make_environment("gone", deleted_at=timezone.now())

    assert names(program.get("/environments")) == ["other", "shop"]
    assert names(program.get("/environments", {"name": "SHOP"})) == ["shop"]
    assert names(program.get("/environments", {"account": other.account_id})) == ["other"]
    assert names(program.get("/environments", {"state": "changing"})) == ["other"]
    assert names(program.get("/environments", {"state": "deleted"})) == ["gone"]
    assert names(program.get("/environments", {"status": "in_progress"})) == ["other"]
    assert names(program.get("/environments", {"status": "unknown"})) == ["shop"]
    assert names(program.get("/environments", {"status": "deleted"})) == ["gone"]
    assert names(program.get("/environments", {"set": 1})) == []
    assert names(program.get("/environments", {"deleted": "true"})) == ["gone", "other", "shop"]


def test_an_environment_has_one_status_and_one_note(program: Program, shop: Environment) -> None:
    sentence = Message(Code.NO_WRITER, {"where": "site-cluster"}).as_json()
    Environment.objects.filter(pk=shop.pk).update(health_word="unhealthy", health_sentence=sentence)
    (row,) = program.get("/environments").json()["items"]
    found = program.get(f"/environments/{shop.pk}").json()

    assert row["status"] == found["status"] == "unhealthy"
    assert row["note"] == found["note"]
    text = "site-cluster has no writer."
    assert row["note"] == {"code": "component", "text": text, "page": f"/environments/{shop.pk}/"}
    assert (row["state"], row["health"]) == ("problem", "unhealthy")  # as before

    update = make_deployment(shop, kind="update", state="stacks")
    (row,) = program.get("/environments", {"status": "in_progress"}).json()["items"]
    assert row["note"]["text"] == f"Update {update.pk}: Stacks"
    assert row["note"]["page"] == update.get_absolute_url()


def test_pages_of_a_list_link_to_each_other(program: Program, operator: User) -> None:
    account = make_account()
    for number in range(5):
        make_environment(f"env-{number}", account=account, owner=operator)

    found, path = [], "/environments?limit=2"
    while path:
        response = program.get(path)
        found.append(names(response))
        path = (response.json()["next"] or "").removeprefix(ROOT)
        assert ("Link" in response) == bool(path)
    assert found == [["env-4", "env-3"], ["env-2", "env-1"], ["env-0"]]


def test_an_environment_has_what_its_page_shows(program: Program, shop: Environment) -> None:
    found = program.get(f"/environments/{shop.pk}").json()

    assert found["state"] == "deployed"
    assert found["parameters"] == {"Size": "small"}
    assert found["site_url"] == "http://shop.example.com"
    assert found["latest_deployment"]["state"] == "succeeded"
    assert found["page"] == shop.get_absolute_url()
    (stack,) = program.get(f"/environments/{shop.pk}/stacks").json()["items"]
    assert (stack["path"], stack["resources"]) == ("", 1)


def test_a_deployment_has_its_events_and_its_timeline(program: Program, shop: Environment) -> None:
    (listed,) = program.get(f"/environments/{shop.pk}/deployments").json()["items"]
    path = f"/deployments/{listed['id']}"

    assert program.get(path).json()["requested_by"] == "ana"
    own, second = program.get(f"{path}/events").json()["items"]
    assert "ana" in own["text"]
    assert (second["seq"], second["status"], second["text"]) == (2, "CREATE_COMPLETE", "")
    assert [one["seq"] for one in program.get(f"{path}/events", {"after": 1}).json()["items"]] == [2]
    assert "Topic" in [row["path"] for row in program.get(f"{path}/rows").json()["items"]]


def test_a_deployment_that_succeeded_is_complete(program: Program) -> None:
    deployment = make_deployment(state="succeeded", progress=94)

    assert program.get(f"/deployments/{deployment.pk}").json()["progress"] == 100


def test_a_percentage_that_contradicts_the_forecast_is_marked(program: Program) -> None:
    deployment = scenes.running()
    path = f"/deployments/{deployment.pk}"
    assert program.get(path).json()["is_slower_than_forecast"] is False

    Deployment.objects.filter(pk=deployment.pk).update(progress=92)

    found = program.get(path).json()
    assert (found["progress"], found["is_slower_than_forecast"]) == (92, True)


def test_a_deployment_that_is_read_again_and_again_is_forecast_once(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = scenes.running()
    Deployment.objects.filter(pk=deployment.pk).update(progress=50)
    computed, load = [], timeline.load

    def counted(row: Deployment, **values: Any) -> timeline.Timeline:
        computed.append(row.pk)
        return load(row, **values)

    monkeypatch.setattr(timeline, "load", counted)
    for _ in range(3):
        program.get(f"/deployments/{deployment.pk}")

    assert computed == [deployment.pk]


def test_deployments_are_filtered_by_status(program: Program, shop: Environment) -> None:
    failed = make_deployment(state="failed", error_code="Broken", error_message="No room.")

    (found,) = program.get("/deployments", {"status": "problems"}).json()["items"]
    assert found["id"] == failed.pk
    assert found["error"] == {"code": "Broken", "text": "No room."}
    assert program.get("/deployments", {"status": "active"}).json()["items"] == []


def test_rows_that_a_person_may_not_view_are_not_found_by_their_program(shop: Environment) -> None:
    own = make_environment("own")
    hidden = make_deployment(shop)
    guest = Program(
        make_grant(User.objects.create_user("guest"), role="viewer", scope="environment", environment=own)
    )

    assert names(guest.get("/environments")) == ["own"]
    assert guest.get("/deployments").json()["items"] == []
    for path in (
        f"/environments/{shop.pk}",
        f"/environments/{shop.pk}/stacks",
        f"/deployments/{hidden.pk}/events",
    ):
        assert guest.get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/environments/99999", 404, "NotFound"),
        ("/environments/99999999999999999999", 422, "InvalidRequest"),
        ("/environments/abc", 422, "InvalidRequest"),
        ("/deployments/99999/events", 404, "NotFound"),
        ("/nothing", 404, "NotFound"),
        ("/", 404, "NotFound"),
        ("/environments?limit=0", 422, "InvalidRequest"),
        ("/environments?state=sleepy", 422, "InvalidRequest"),
    ],
)
def test_errors_are_problems(program: Program, path: str, status: int, code: str) -> None:
    response = program.get(path)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    found = response.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["detail"]


def test_the_error_names_the_invalid_value(program: Program) -> None:
    (error,) = program.get("/environments", {"limit": "many"}).json()["errors"]

    assert error["field"] == "limit"


def test_an_unchanged_response_is_not_sent_again(program: Program, shop: Environment) -> None:
    path = f"/environments/{shop.pk}"
    first = program.get(path)
    assert "no-store" not in first["Cache-Control"]

    unchanged = program.get(path, **{"If-None-Match": first["ETag"]})
    assert (unchanged.status_code, unchanged["RateLimit-Limit"]) == (304, first["RateLimit-Limit"])
    Environment.objects.update(health_word="degraded")
    assert program.get(path, **{"If-None-Match": first["ETag"]}).status_code == 200


def test_a_list_takes_the_same_number_of_queries_for_any_length(
    program: Program, shop: Environment, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        make_deployment(make_environment(f"env-{number}"), state="succeeded")

    with django_assert_max_num_queries(12):
        assert len(program.get("/environments").json()["items"]) == 4
    with django_assert_max_num_queries(8):
        assert len(program.get("/deployments").json()["items"]) == 4


def test_the_document_describes_every_operation(program: Program) -> None:
    document = program.get("/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    problems = document["paths"][f"{ROOT}/environments"]["get"]["responses"]["401"]["content"]
    assert list(problems) == ["application/problem+json"]


def test_lists_are_filtered_by_label_name_account_state_environment_kind_and_time(
    program: Program, shop: Environment
) -> None:
    other = make_environment("other", account=make_account("elsewhere"))
    failed = make_deployment(other, state="failed", kind="update")
    Label.objects.create(environment=other, key="team", value="payments")
    assert shop.latest
    before, after = timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=1)

    for query, found in [
        ({"label": "team=payments"}, ["other"]),
        ({"label": "team=others"}, []),
        ({"q": "OTH"}, ["other"]),
        ({"q": "elsewhere", "label": "team=payments"}, ["other"]),
        ({"q": "nothing"}, []),
        ({"update": "true"}, []),
        ({"since": before.isoformat()}, ["other", "shop"]),
        ({"until": before.isoformat()}, []),
        ({"since": after.isoformat()}, []),
    ]:
        assert names(program.get("/environments", query)) == found
    wanted: list[tuple[dict[str, Any], list[int]]] = [
        ({"label": "team=payments"}, [failed.pk]),
        ({"name": "SHOP"}, [shop.latest.pk]),
        ({"q": "team=payments"}, [failed.pk]),
        ({"q": "sho"}, [shop.latest.pk]),
        ({"account": other.account_id}, [failed.pk]),
        ({"state": "succeeded"}, [shop.latest.pk]),
        ({"environment": other.pk, "kind": "update"}, [failed.pk]),
        ({"environment": other.pk, "kind": "create"}, []),
        ({"since": before.isoformat(), "until": after.isoformat()}, [failed.pk, shop.latest.pk]),
        ({"until": before.isoformat()}, []),
    ]
    for listed, numbers in wanted:
        rows = program.get("/deployments", listed).json()["items"]
        assert [one["id"] for one in rows] == numbers, listed
    assert names(program.get("/accounts", {"name": "ELSEWHERE"})) == ["elsewhere"]


def test_rows_of_lists_have_their_labels(program: Program, shop: Environment) -> None:
    Label.objects.create(environment=shop, key="team", value="payments")

    for path in ("/environments", "/deployments", f"/environments/{shop.pk}/deployments"):
        (row,) = program.get(path).json()["items"]
        assert row["labels"] == {"team": "payments"}, path
        assert row["account"]["name"] == shop.account.name


def test_unknown_parameters_are_refused_as_unknown_fields_are(program: Program, shop: Environment) -> None:
    for path in ("/environments", "/deployments", f"/environments/{shop.pk}", "/me", "/audit"):
        response = program.get(path, {"limt": 5})
        assert response.status_code == 422, path
        (error,) = response.json()["errors"]
        assert (error["field"], error["code"]) == ("limt", "extra_forbidden")
    stream = program.get(f"/deployments/{shop.latest_id}/stream", {"limt": 5})
    assert stream.status_code == 422
    assert program.post(f"/environments/{shop.pk}/lock?dry_run=1", {"reason": "x"}).status_code == 422
    assert not EnvironmentLock.objects.exists()
    assert Client().get(f"{ROOT}/environments", {"limt": 5}).status_code == 401
