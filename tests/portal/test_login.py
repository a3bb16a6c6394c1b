"""Logging in and out, and the wait of those who guess."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from portal import backoff
from tests.builders import make_user
from tests.services import Redis, free_port
from tests.views.pages import page

URL = reverse("login")
pytestmark = pytest.mark.core


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("ana")


def tries(client: Client, number: int, username: str = "ana", address: str = "127.0.0.1") -> list[int]:
    form = {"username": username, "password": "wrong"}
    return [client.post(URL, form, REMOTE_ADDR=address).status_code for _ in range(number)]


def test_a_right_password_leads_to_where_one_wanted_to_go(client: Client, user: User) -> None:
    form = {"username": "ana", "password": "a long password", "next": "/deployments/"}

    assert client.post(URL, form)["Location"] == "/deployments/"
    assert client.get("/environments/").status_code == 200


def test_a_wrong_password_is_told_without_saying_which_part_is_wrong(client: Client, user: User) -> None:
    response = client.post(URL, {"username": "ana", "password": "wrong"})

    assert response.status_code == 422
    assert "Please enter a correct username and password" in page(response).one(role="alert").text


def test_who_is_logged_in_is_not_asked_again(client: Client, user: User) -> None:
    client.force_login(user)

    assert client.get(URL)["Location"] == reverse("home")


def test_the_sixth_try_must_wait_even_with_the_right_password(client: Client, user: User) -> None:
    assert tries(client, 5) == [422] * 5

    response = client.post(URL, {"username": "ana", "password": "a long password"})

    assert response.status_code == 429
    assert "Try again in" in page(response).one(role="alert").text


def test_others_need_not_wait(client: Client, user: User) -> None:
    make_user("bob")
    tries(client, 6)

    assert tries(client, 1, username="bob") == [422]
    assert tries(client, 1, address="192.0.2.7") == [422]


def test_another_way_to_write_the_name_is_the_same_name(client: Client, user: User) -> None:
    tries(client, 5)

    assert tries(client, 1, username="ＡＮＡ") == [429]


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    assert [backoff.wait_after(n) for n in (0, 4, 5, 6, 7, 12, 13, 1000)] == [0, 0, 5, 10, 20, 640, 900, 900]


def test_a_right_password_forgets_the_failures(client: Client, user: User) -> None:
    tries(client, 4)
    client.post(URL, {"username": "ana", "password": "a long password"})
    client.logout()

    assert tries(client, 5) == [422] * 5


def test_without_redis_one_can_still_log_in(client: Client, user: User, settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    backoff._client.cache_clear()
    try:
        request = RequestFactory().post(URL)
        backoff.failed(request, "ana")
        response = client.post(URL, {"username": "ana", "password": "a long password"})
    finally:
        backoff._client.cache_clear()

    assert response.status_code == 302


def test_what_was_typed_as_a_name_is_not_kept(client: Client, user: User, redis_server: Redis) -> None:
    """People type passwords into the wrong field."""
    tries(client, 5, username="my secret")

    keys = " ".join(str(key) for key in backoff._client().keys("*"))
    assert "sanso:login:" in keys
    assert "secret" not in keys


def test_logging_out_ends_the_session_and_a_second_press_is_no_error(client: Client, user: User) -> None:
    client.force_login(user)

    assert client.post(reverse("logout"))["Location"] == URL
    assert client.post(reverse("logout"))["Location"] == URL
    assert client.get("/environments/").status_code == 302
