"""A key makes a request that is sent again take effect once, and return its first response."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from deployments.changes.commands.create import request_deployment
from deployments.common.models.idempotency import IdempotencyKey
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.locks.models import EnvironmentLock
from tests.api.clients import ROOT, Program
from tests.api.creation import NEW, code_of, new
from tests.builders import (
    make_account,
    make_grant,
    make_operator,
)
from tests.previews import make_preview

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("template_set")]


def test_the_same_key_creates_one_environment(program: Program) -> None:
    body = new()
    first = program.post("/environments", body, **{"Idempotency-Key": "one"})
    again = program.post("/environments", body, **{"Idempotency-Key": "one"})

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert Environment.objects.count() == 1
    other = program.post("/environments", body | {"name": "other"}, **{"Idempotency-Key": "one"})
    assert code_of(other) == (409, "KeyReused")


def test_the_key_of_another_user_is_another_key(program: Program) -> None:
    account = make_account()
    for one, name in ((program, "shop"), (Program(make_operator("ben")), "other")):
        response = one.post(
            "/environments", NEW | {"name": name, "account": account.pk}, **{"Idempotency-Key": "1"}
        )
        assert response.status_code == 201


def test_a_key_of_what_was_refused_can_be_used_again(program: Program) -> None:
    body = new(name="1")
    assert program.post("/environments", body, **{"Idempotency-Key": "one"}).status_code == 422

    assert (
        program.post("/environments", body | {"name": "shop"}, **{"Idempotency-Key": "one"}).status_code
        == 201
    )


def test_keys_are_forgotten_after_two_days(program: Program, shop: Environment) -> None:
    program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": "old"})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=3))

    program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": "new"})

    assert IdempotencyKey.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(program: Program, shop: Environment, key: str) -> None:
    response = program.post(f"/environments/{shop.pk}/site-check", **{"Idempotency-Key": key})

    assert code_of(response) == (422, "InvalidKey")


@pytest.mark.django_db(transaction=True)
def test_of_many_equal_requests_at_once_one_creates_the_environment(program: Program) -> None:
    body = new()

    def send(_number: int) -> Any:
        try:
            client = Client(headers={"Authorization": f"Bearer {program.value}", "Idempotency-Key": "one"})
            return client.post(f"{ROOT}/environments", body, "application/json").json().get("id")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(send, range(16)))

    assert found == {Deployment.objects.get().pk}


def test_a_repeated_request_gets_the_first_response_although_it_would_be_refused(
    program: Program, shop: Environment
) -> None:
    path, key = f"/environments/{shop.pk}/lock", {"Idempotency-Key": str(uuid.uuid4())}
    first = program.post(path, {"reason": "load test"}, **key)

    assert program.post(path, {"reason": "load test"}, **key).json() == first.json()
    assert program.post(path, {"reason": "load test"}).status_code == 409
    assert EnvironmentLock.objects.count() == 1


def test_a_kept_response_is_not_returned_after_the_right_to_view_was_lost(
    operator: User, shop: Environment
) -> None:
    guest = make_grant(User.objects.create_user("guest"), role="deployer")
    program = Program(guest)
    preview = make_preview(shop)
    sent = [
        ("/environments", new()),
        (f"/environments/{shop.pk}/lock", {"reason": "load test"}),
        (f"/deployments/{preview.pk}/discard", {}),
    ]
    for path, body in sent:
        assert program.post(path, body, **{"Idempotency-Key": path}).status_code in (200, 201)

    guest.grants.all().delete()

    for path, body in sent:
        response = program.post(path, body, **{"Idempotency-Key": path})
        assert (path, *code_of(response)) == (path, 404, "NotFound")


def test_nobody_occupies_the_key_of_another_users_request(program: Program, operator: User) -> None:
    """The keys were computed with a constant of the source: a form could be sent with that of others."""
    guessed = uuid.uuid5(uuid.UUID("5f0a2f0e-7f7a-4d0b-9c51-4b1d1c3c6f55"), f"{operator.pk} nightly")
    body = new()
    other = request_deployment(
        user=make_operator("ben"),
        account=make_account(),
        name="other",
        parameters=body["parameters"],
        reason="",
        request_key=guessed,
    )

    response = program.post("/environments", body, **{"Idempotency-Key": "nightly"})

    assert response.status_code == 201
    assert response.json()["id"] != other.pk
    assert response.json()["environment"]["name"] == body["name"]
    assert guessed not in Deployment.objects.values_list("request_key", flat=True)


def test_keys_of_the_release_before_are_found_again(program: Program, operator: User) -> None:
    body, key = new(), {"Idempotency-Key": "nightly"}
    first = program.post("/environments", body, **key).json()
    before = uuid.uuid5(uuid.UUID("5f0a2f0e-7f7a-4d0b-9c51-4b1d1c3c6f55"), f"{operator.pk} nightly")
    Deployment.objects.update(request_key=before, request_fingerprint="")
    IdempotencyKey.objects.update(key=before)

    assert program.post("/environments", body, **key).json() == first
    IdempotencyKey.objects.update(body=None)  # the process was stopped before the response was kept
    assert program.post("/environments", body, **key).json()["id"] == first["id"]
    assert code_of(program.post("/environments", body | {"name": "other"}, **key)) == (409, "KeyReused")
    assert Deployment.objects.count() == 1


def test_the_same_key_with_other_values_is_a_conflict_also_after_it_was_forgotten(program: Program) -> None:
    body, key = new(), {"Idempotency-Key": "nightly"}
    program.post("/environments", body, **key)
    IdempotencyKey.objects.all().delete()

    assert code_of(program.post("/environments", body | {"reason": "more load"}, **key)) == (409, "KeyReused")
    assert Deployment.objects.count() == 1
