"""The limits of requests that a program may send, and the headers that report them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.common.client_address import network_of
from deployments.template_sets.commands.sources import set_webhook
from tests.api.clients import ROOT, Program
from tests.builders import make_user
from tests.limits import use_clock
from tests.services import free_port
from tests.template_versions import make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock, so that no further request is allowed during a test on a slow machine."""
    use_clock(monkeypatch, lambda: 1_795_800_010.0)


@pytest.fixture(params=["with Redis", "without Redis"])
def _redis(request: pytest.FixtureRequest, settings: Settings) -> None:
    """Redis, or an address at which no server listens."""
    if request.param == "with Redis":
        request.getfixturevalue("redis_server")
    else:
        settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


@pytest.mark.usefixtures("_redis", "_frozen_clock")
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


@pytest.mark.usefixtures("_redis", "_frozen_clock")
def test_an_address_has_few_wrong_tokens_in_a_minute(program: Program, settings: Settings) -> None:
    settings.SANSO_API_WRONG_TOKENS = 2
    stranger = Client(headers={"Authorization": "Bearer sanso_guess"})
    found = [stranger.get(f"{ROOT}/me").status_code for _ in range(4)]

    assert found == [401, 401, 429, 429]
    assert program.get("/me").status_code == 200  # from the same address, with a valid token


@pytest.mark.usefixtures("_redis", "_frozen_clock")
def test_nothing_that_others_send_from_its_address_refuses_a_valid_token(
    program: Program, settings: Settings
) -> None:
    settings.SANSO_API_WRONG_TOKENS = settings.SANSO_API_REQUESTS_PER_ADDRESS = 3
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}

    assert {Client().get(f"{ROOT}/me", headers=image).status_code for _ in range(9)} == {403}
    assert [Client().get(f"{ROOT}/me").status_code for _ in range(5)] == [401, 401, 401, 429, 429]
    wrong = {"Authorization": "Bearer sanso_guess"}
    assert Client().get(f"{ROOT}/me", headers=wrong).status_code == 429
    assert program.get("/me").status_code == 200


@pytest.mark.usefixtures("_redis", "_frozen_clock")
def test_requests_without_a_token_are_no_wrong_tokens(program: Program, settings: Settings) -> None:
    settings.SANSO_API_WRONG_TOKENS = 1

    assert [Client().get(f"{ROOT}/me").status_code for _ in range(3)] == [401, 401, 401]
    wrong = Client(headers={"Authorization": "Bearer sanso_guess"})
    assert [wrong.get(f"{ROOT}/me").status_code for _ in range(2)] == [401, 429]


@pytest.mark.usefixtures("_redis", "_frozen_clock")
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://other.example"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_site_cannot_send_requests(
    program: Program, operator: User, headers: dict[str, str]
) -> None:
    browser = Client()
    browser.force_login(operator)
    for path in ("/me", "/openapi.json", "/unknown", "/deployments/1/stream"):
        found = browser.get(ROOT + path, headers=headers)
        assert (path, found.status_code, found.json()["code"]) == (path, 403, "CrossSite")
        assert "RateLimit-Limit" not in found.headers
    assert program.get("/me", None, **headers).status_code == 403
    exchange = reverse("command_line_exchange")
    assert Client().post(exchange, headers=headers).status_code == 403
    push = reverse("template_set_push", args=[make_source().pk])
    assert Client().post(push, headers=headers).status_code == 403


def test_a_page_of_the_portal_can_send_requests(operator: User) -> None:
    browser = Client()
    browser.force_login(operator)
    for headers in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://testserver"},
    ):
        assert browser.get(f"{ROOT}/me", headers=headers).status_code == 200


@pytest.mark.usefixtures("_redis", "_frozen_clock")
def test_a_valid_signature_is_accepted_from_an_address_that_sent_wrong_ones(settings: Settings) -> None:
    settings.SANSO_API_WRONG_TOKENS = 1
    source = make_source()
    secret = set_webhook(user=make_user("root", is_superuser=True), source=source, on=True)
    path = reverse("template_set_push", args=[source.pk])

    found = [Client().post(path, headers={"X-Gitlab-Token": "guessed"}).status_code for _ in range(3)]

    assert found == [401, 429, 429]
    assert Client().post(path, headers={"X-Gitlab-Token": secret}).status_code == 202


@pytest.mark.usefixtures("_redis", "_frozen_clock")
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
