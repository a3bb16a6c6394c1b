"""Health checks, error pages, language: pages that belong to no application."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.builders import make_user
from tests.pages.pages import page
from tests.services import Redis, free_port

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def fails(*_args: object, **_options: object) -> None:
    raise OperationalError("gone away")


def test_a_process_is_alive_whatever_else_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fails)

    assert client.get("/healthz").content == b"ok\n"


def test_the_portal_is_ready_with_a_database_that_is_up_to_date(client: Client, redis_server: Redis) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"database": "ok", "redis": "ok"})


def test_the_portal_is_ready_without_redis(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    response = client.get("/readyz")

    assert (response.status_code, response.json()["redis"]) == (200, "does not respond")


def test_the_portal_is_not_ready_without_its_database(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.views.MigrationExecutor", fails)

    response = client.get("/readyz")

    assert (response.status_code, response.json()["database"]) == (503, "does not respond")


@pytest.mark.parametrize("logged_in", [True, False])
def test_the_page_not_found_links_back(client: Client, logged_in: bool) -> None:
    if logged_in:
        client.force_login(make_user())

    response = client.get("/nope")

    assert response.status_code == 404
    assert reverse("home") in {a["href"] for a in page(response).one("main").all("a")}


def test_an_internal_error_has_no_details_on_the_page_and_is_logged(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    client.force_login(make_user())
    client.raise_request_exception = False
    monkeypatch.setattr("deployments.environments.models.environments.EnvironmentQuerySet.for_list", bug)
    with caplog.at_level(logging.ERROR):
        response = client.get(reverse("environments"))

    shown = page(response)
    assert response.status_code == 500
    assert "secret detail" not in shown.text
    assert shown.one(class_="id").text == response["X-Request-ID"]
    assert "secret detail" in caplog.text


def test_the_error_page_needs_no_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.force_login(make_user())
    client.raise_request_exception = False
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", fails)

    response = client.get(reverse("environments"))

    assert response.status_code == 500
    assert "Something went wrong" in page(response).text


def test_the_error_about_an_unknown_host_names_the_setting(client: Client) -> None:
    response = client.get("/login/", headers={"host": "sanso.example"})

    assert response.status_code == 400
    assert "ALLOWED_HOSTS" in page(response).text


def test_the_error_about_a_missing_token_says_to_reload_the_form() -> None:
    response = Client(enforce_csrf_checks=True).post("/login/", {"username": "a", "password": "b"})

    assert response.status_code == 403
    assert "reload the page" in page(response).text


def test_switching_the_language_keeps_the_page(client: Client) -> None:
    client.force_login(make_user())
    url = "/environments/?status=problem"
    form = page(client.get(url)).one("form", action=reverse("set_language"))
    button = form.one("button", value="ja")

    sent = {"next": form.one("input", name="next")["value"], "language": button["value"]}
    response = client.post(form["action"], sent, follow=True)

    assert button.text == "日本語"
    assert response.redirect_chain == [(url, 302)]
    assert page(response).one("html")["lang"] == "ja"
    assert response["Content-Language"] == "ja"


def test_switching_the_language_does_not_redirect_elsewhere(client: Client) -> None:
    url = reverse("set_language")

    for elsewhere in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        assert client.post(url, {"language": "ja", "next": elsewhere})["Location"] == "/"
    assert Client(enforce_csrf_checks=True).post(url, {"language": "ja"}).status_code == 403


def test_the_initial_language_is_that_of_the_browser(client: Client) -> None:
    assert page(client.get("/login/", headers={"accept-language": "ja"})).one("html")["lang"] == "ja"
    assert page(client.get("/login/", headers={"accept-language": "tlh"})).one("html")["lang"] == "en"


def test_the_favicon_is_at_its_default_address(client: Client) -> None:
    answer = client.get(client.get("/favicon.ico").headers["Location"])

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    answer.close()
