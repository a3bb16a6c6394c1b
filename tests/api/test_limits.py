"""The limits of requests that a program may send, and the headers that report them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments import limits
from deployments.client_address import network_of
from tests.api.clients import ROOT, Program
from tests.services import free_port
from tests.template_versions import make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def _minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Freeze the clock in a minute that no other test uses."""
    at = 1_795_800_010.0 + 60 * free_port()
    monkeypatch.setattr("deployments.limits.time.time", lambda: at)


@pytest.fixture(params=["with Redis", "without Redis"])
def _redis(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Redis, or an address at which no server listens."""
    if request.param == "with Redis":
        request.getfixturevalue("redis_server")
    else:
        settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    limits._counters.cache_clear()


@pytest.mark.usefixtures("_redis", "_minute")
def test_a_token_has_a_number_of_requests_in_a_minute(
    program: Program, operator: User, settings: Settings
) -> None:
    settings.SANSO_API_REQUESTS_PER_TOKEN = 2
    first, second, third = (program.get("/me") for _ in range(3))

    assert (first["RateLimit-Limit"], first["RateLimit-Remaining"]) == ("2", "1")
    assert second["RateLimit-Remaining"] == "0"
    assert (third.status_code, third.json()["code"]) == (429, "TooManyRequests")
    assert third["Retry-After"] == third["RateLimit-Reset"]
    assert Program(operator).get("/me").status_code == 200


@pytest.mark.usefixtures("_redis", "_minute")
def test_an_address_has_few_wrong_tokens_in_a_minute(program: Program, settings: Settings) -> None:
    settings.SANSO_API_WRONG_TOKENS = 2
    stranger = Client(headers={"Authorization": "Bearer sanso_guess"})
    found = [stranger.get(f"{ROOT}/me").status_code for _ in range(4)]

    assert found == [401, 401, 429, 429]
    assert program.get("/me").status_code == 429  # from the same address


@pytest.mark.usefixtures("_redis", "_minute")
def test_an_address_sends_few_webhooks_without_a_valid_signature(
    program: Program, settings: Settings
) -> None:
    settings.SANSO_API_WRONG_TOKENS = 2
    path = reverse("template_set_push", args=[make_source().pk])

    found = [Client().post(path, headers={"X-Gitlab-Token": "guessed"}) for _ in range(4)]

    assert [one.status_code for one in found] == [404, 404, 429, 429]
    assert 0 < int(found[-1]["Retry-After"]) <= 60
    assert program.get("/me").status_code == 200  # counted separately from tokens


def test_addresses_are_counted_by_the_network_of_a_subscriber() -> None:
    request = Client().get("/healthz").wsgi_request
    for given, counted in (
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("", "unknown"),
    ):
        request.META["REMOTE_ADDR"] = given
        assert network_of(request) == counted
