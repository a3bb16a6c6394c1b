"""Responses of the API about comparisons, replays, recordings and remaining resources."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.action_requests import ActionRequest
from tests.api.clients import Program
from tests.builders import (
    make_deployment,
    make_environment,
    make_event,
    make_resource,
    make_stack,
    make_user,
)

pytestmark = pytest.mark.django_db
SNAPSHOT = "AWS::RDS::DBClusterSnapshot"


@pytest.fixture
def ended(operator: User) -> Deployment:
    """A deletion that has ended and left a snapshot."""
    found = {"type": SNAPSHOT, "id": "final", "reason": "snapshot", "billing": "billed", "can_delete": True}
    row = make_deployment(
        make_environment("shop", owner=operator),
        kind="delete",
        state="succeeded",
        active_key=None,
        remaining={"search": "done", "services": {"rds": {"resources": [found]}}},
    )
    Environment.objects.update(latest=row)
    return row


def test_two_deployments_are_compared(program: Program, operator: User) -> None:
    shop = make_environment("shop", owner=operator)
    first, second = (
        make_deployment(shop, state="succeeded", active_key=None, parameters={"Size": size})
        for size in ("small", "large")
    )
    for row, status in ((first, "CREATE_COMPLETE"), (second, "CREATE_FAILED")):
        changes = [[0, "CREATE_IN_PROGRESS"], [5000, status]]
        make_resource(make_stack(row), "Vpc", status=status, changes=changes)
    path = f"/environments/{shop.pk}/comparison"

    found = program.get(path, {"first": first.pk, "second": second.pk}).json()

    assert found["first_difference"] == "Vpc"
    assert found["parameters"] == [{"name": "Size", "first": "small", "second": "large"}]
    (vpc,) = [one for one in found["items"] if one["path"] == "Vpc"]
    assert (vpc["difference"], vpc["second"]["status"]) == ("status", "CREATE_FAILED")
    elsewhere = make_deployment(make_environment("other", owner=operator))
    assert program.get(path, {"first": first.pk, "second": elsewhere.pk}).status_code == 404
    assert program.get(path, {"first": first.pk}).status_code == 422


def test_a_timeline_is_replayed_to_one_of_its_events(program: Program, operator: User) -> None:
    row = make_deployment(
        make_environment("shop", owner=operator), state="succeeded", active_key=None, last_seq=3
    )
    stack = make_stack(row)
    make_resource(stack, "Vpc", status="CREATE_COMPLETE")
    make_event(row, 1)
    for number, status in ((2, "CREATE_IN_PROGRESS"), (3, "CREATE_COMPLETE")):
        make_event(
            row,
            number,
            stack=stack,
            source="cloudformation",
            logical_id="Vpc",
            physical_id="v",
            status=status,
        )

    def status_at(until: int) -> Iterator[str]:
        found = program.get(f"/deployments/{row.pk}/replay", {"until": until}).json()["items"]
        return (one["status"] for one in found if one["path"] == "Vpc")

    assert [*status_at(1), *status_at(2), *status_at(99)] == ["", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert program.get(f"/deployments/{row.pk}/recording").json()["events"][2]["status"] == "CREATE_COMPLETE"
    active = make_deployment(make_environment("new", owner=operator), state="stacks")
    for path in ("replay?until=1", "recording"):
        assert program.get(f"/deployments/{active.pk}/{path}").json()["code"] == "StillRunning"


def test_an_included_recording_is_imported_once(program: Program) -> None:
    names = [one["name"] for one in program.get("/recordings").json()["items"]]
    assert "success" in names

    first, again = (program.post("/recordings/success/import") for _ in range(2))

    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    assert program.post("/recordings/other/import").status_code == 404
    assert Program(make_user("vic")).post("/recordings/success/import").status_code == 403


def test_remaining_resources_are_listed_and_deleted_by_name(program: Program, ended: Deployment) -> None:
    path = f"/environments/{ended.environment_id}/remaining"

    (found,) = program.get(path).json()["items"]
    assert (found["id"], found["billing"], found["can_delete"]) == ("final", "billed", True)
    chosen = [{"type": SNAPSHOT, "id": "final"}]
    wrong = program.post(f"{path}/deletion", {"resources": chosen, "typed_name": "other"})
    assert wrong.json()["code"] == "NameNotTyped"
    other = [{"type": SNAPSHOT, "id": "other"}]
    nothing = program.post(f"{path}/deletion", {"resources": other, "typed_name": "shop"})
    assert nothing.json()["code"] == "NothingChosen"

    response = program.post(f"{path}/deletion", {"resources": chosen, "typed_name": "shop"})

    assert (response.status_code, response.json()["kind"]) == (202, "delete_remaining")
    assert ActionRequest.objects.get().arguments["resources"] == [[SNAPSHOT, "final"]]


def test_remaining_resources_are_searched_for_again(program: Program, ended: Deployment) -> None:
    response = program.post(f"/environments/{ended.environment_id}/remaining/search")

    assert (response.status_code, response.json()["search"]) == (202, "pending")


def test_an_active_deployment_has_no_known_remaining_resources(program: Program, operator: User) -> None:
    active = make_deployment(make_environment("new", owner=operator), state="stacks")
    Environment.objects.filter(pk=active.environment_id).update(latest=active)

    assert program.get(f"/environments/{active.environment_id}/remaining").status_code == 404
