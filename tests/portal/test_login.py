"""Login, logout, and limits on guessing passwords."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as now
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.common.redis_fallback import connect
from deployments.common.rules.limit_kinds import Backoff
from portal.first_login import ensure_first_login, forget
from portal.login import limits
from tests.builders import make_user
from tests.limits import use_clock
from tests.pages.pages import page
from tests.services import LIMIT, Redis, free_port

URL = reverse("login")
RIGHT = "a long password"
pytestmark = pytest.mark.core


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock, so that no wait ends during a test on a slow machine."""
    now = time.time()
    use_clock(monkeypatch, lambda: now)


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("ana")


def log_in(client: Client, password: str = RIGHT, username: str = "ana", address: str = "192.0.2.1") -> Any:
    form = {"username": username, "password": password}
    return client.post(URL, form, REMOTE_ADDR=address)


def attempts(
    number: int, username: str = "ana", address: str = "192.0.2.1", client: Client | None = None
) -> list[int]:
    """Try wrong passwords, by default each from an unknown browser; return the status codes."""
    return [log_in(client or Client(), "wrong", username, address).status_code for _ in range(number)]


def test_a_correct_password_redirects_to_the_requested_page(client: Client, user: User) -> None:
    form = {"username": "ana", "password": RIGHT, "next": "/deployments/"}

    assert client.post(URL, form)["Location"] == "/deployments/"
    assert client.get("/environments/").status_code == 200


def test_the_error_does_not_reveal_whether_name_or_password_is_wrong(client: Client, user: User) -> None:
    response = log_in(client, "wrong")

    assert response.status_code == 422
    assert "The username or password is incorrect." in page(response).one(role="alert").text


def test_a_logged_in_user_is_redirected_from_the_login(client: Client, user: User) -> None:
    client.force_login(user)

    assert client.get(URL)["Location"] == reverse("home")


@pytest.mark.parametrize("logged_in", [True, False])
def test_the_login_page_does_not_redirect_to_itself(client: Client, user: User, logged_in: bool) -> None:
    if logged_in:
        client.force_login(user)
        response = client.get(f"{URL}?next={URL}")
    else:
        response = client.post(URL, {"username": "ana", "password": RIGHT, "next": f"{URL}?next={URL}"})

    assert response["Location"] == reverse("home")


def test_the_sixth_attempt_must_wait_even_with_the_correct_password(client: Client, user: User) -> None:
    assert attempts(5) == [422] * 5

    response = log_in(client)

    assert response.status_code == 429
    assert "Try again in" in page(response).one(role="alert").text
    assert 0 < int(response["Retry-After"]) <= 5


def test_attempts_for_one_user_count_together_over_all_addresses(client: Client, user: User) -> None:
    for number in range(5):
        assert attempts(1, address=f"198.51.100.{number}") == [422]

    assert attempts(1, address="203.0.113.9") == [429]


def test_a_known_browser_is_not_locked_out_by_others(client: Client, user: User) -> None:
    log_in(client)
    client.post(reverse("logout"))

    assert attempts(6)[-1] == 429
    assert log_in(client).status_code == 302
    assert log_in(Client()).status_code == 429  # an unknown browser has to wait


def test_attempts_from_a_known_browser_are_limited_separately(client: Client, user: User) -> None:
    log_in(client)
    client.post(reverse("logout"))

    assert attempts(6, client=client) == [422] * 5 + [429]
    assert log_in(Client()).status_code == 302


def test_the_cookie_of_a_known_browser_is_signed_and_valid_for_one_user(client: Client, user: User) -> None:
    bob = make_user("bob")
    log_in(client, username="bob")
    client.post(reverse("logout"))
    device = client.cookies[f"device-{bob.pk}"].value
    attempts(5)
    forged = Client()

    for value in (device, "x", f"{device}x", ""):
        forged.cookies[f"device-{user.pk}"] = value
        assert log_in(forged).status_code == 429


def test_the_cookie_of_a_known_browser_is_not_readable_by_scripts(
    client: Client, user: User, settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    cookie = log_in(client).cookies[f"device-{user.pk}"]

    assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Strict")
    assert int(cookie["max-age"]) > 365 * 24 * 3600
    assert "ana" not in cookie.value


def test_other_users_need_not_wait(client: Client, user: User) -> None:
    make_user("bob")
    attempts(6)

    assert attempts(1, username="bob") == [422]


@pytest.mark.parametrize("other", ["ＡＮＡ", "áña", " ana "])
def test_spellings_of_a_name_count_together(user: User, other: str) -> None:
    attempts(5)

    assert attempts(1, username=other) == [429]


@pytest.mark.skipif(
    "sqlite" in now.DATABASES["default"]["ENGINE"], reason="SQLite compares names byte by byte"
)
def test_names_that_are_equal_in_the_database_count_together(db: None, redis_server: Redis) -> None:
    """MySQL considers ø equal to o; the limits count by the user that MySQL finds."""
    make_user("soren")
    assert User.objects.filter(username="søren").exists()
    assert limits.folded("søren") != limits.folded("soren")

    assert attempts(5, username="soren") == [422] * 5
    assert attempts(1, username="søren") == [429]


def test_the_limits_do_not_reveal_which_names_exist(user: User) -> None:
    spellings = ["{0}", "{0}", "{1}", "{0}", "{0}", "{0}", "{1}"]
    known = [attempts(1, username=text.format("ana", "ANA"), address="192.0.2.1") for text in spellings]
    unknown = [attempts(1, username=text.format("eve", "EVE"), address="192.0.2.2") for text in spellings]

    assert known == unknown == [[422]] * 5 + [[429]] * 2


def test_attempts_from_one_address_for_many_names_are_limited(user: User) -> None:
    statuses = [attempts(1, username=f"name{number}")[0] for number in range(limits.ADDRESS_BURST + 1)]

    assert statuses == [422] * limits.ADDRESS_BURST + [429]
    assert attempts(1, username="another", address="192.0.2.2") == [422]


def test_all_addresses_of_an_ipv6_network_count_together(user: User) -> None:
    addresses = [f"2001:db8:0:1::{number:x}" for number in range(limits.ADDRESS_BURST + 1)]
    statuses = [attempts(1, username=f"name{address}", address=address)[0] for address in addresses]

    assert statuses == [422] * limits.ADDRESS_BURST + [429]
    assert attempts(1, username="another", address="2001:db8:0:2::1") == [422]
    assert attempts(1, username="another", address="::ffff:192.0.2.2") == [422]


def test_all_attempts_together_are_limited(user: User) -> None:
    addresses = [f"198.51.100.{number}" for number in range(limits.ALL_BURST + 20)]
    statuses = [attempts(1, username=f"name{address}", address=address)[0] for address in addresses]

    assert statuses[: limits.ALL_BURST] == [422] * limits.ALL_BURST
    assert 429 in statuses[limits.ALL_BURST :]


def test_correct_passwords_do_not_count(user: User) -> None:
    assert {log_in(Client()).status_code for _ in range(limits.ADDRESS_BURST + 5)} == {302}


def test_a_correct_password_does_not_reset_the_limit_of_the_address(user: User) -> None:
    for number in range(limits.ADDRESS_BURST):
        assert attempts(1, username=f"name{number}") == [422]
        if number % 5 == 0 and number < 19:
            assert log_in(Client()).status_code == 302

    assert attempts(1, username="one more") == [429]


def test_a_limited_attempt_costs_no_hash(
    user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WATCHED_HASHES", str(tmp_path))
    settings.PASSWORD_HASHERS = ["tests.passwords.WatchedHasher"]

    attempts(20)

    assert (tmp_path / "log").read_bytes().count(b"+") == 5


def test_each_further_failure_doubles_the_wait_up_to_15_minutes() -> None:
    rule = Backoff(key="any")

    assert [rule.wait_after(n) for n in (0, 4, 5, 6, 7, 12, 13, 1000)] == [0, 0, 5, 10, 20, 640, 900, 900]


def test_a_correct_password_resets_the_failures(client: Client, user: User) -> None:
    attempts(4)
    log_in(client)

    assert attempts(5) == [422] * 5


def test_limits_work_without_redis(user: User, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    make_user("bob")
    with caplog.at_level(logging.WARNING):
        statuses = attempts(6)

    assert statuses == [422] * 5 + [429]
    assert log_in(Client(), username="bob").status_code == 302
    assert caplog.text.count("Redis is unavailable") == 1


def test_the_typed_name_is_not_stored(
    user: User, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Users sometimes type their password into the wrong field."""
    with caplog.at_level(logging.DEBUG):
        attempts(6, username="my secret")

    with connect(now.REDIS_URL, LIMIT) as client:
        keys = " ".join(str(key) for key in client.keys("*"))
    assert "sanso:login:" in keys
    assert "secret" not in keys + caplog.text


def test_a_failure_is_logged_with_user_and_address(user: User, caplog: pytest.LogCaptureFixture) -> None:
    attempts(1, address="192.0.2.7")
    attempts(1, username="nobody", address="2001:db8::1")

    assert f"wrong password for user {user.pk} from 192.0.2.7" in caplog.text
    assert "wrong password for an unknown user from 2001:db8::/64" in caplog.text


def test_a_login_starts_a_new_session(client: Client, user: User) -> None:
    """A session id that an attacker set in the browser becomes worthless."""
    session = client.session
    session["fixed"] = "yes"
    session.save()
    fixed_key = session.session_key
    log_in(client)

    stranger = Client()
    stranger.cookies["sessionid"] = str(fixed_key)
    assert client.cookies["sessionid"].value != fixed_key
    assert stranger.get("/environments/").status_code == 302


def test_logging_out_ends_the_session_and_can_be_repeated(client: Client, user: User) -> None:
    client.force_login(user)
    kept = client.cookies["sessionid"].value

    assert client.get(reverse("logout")).status_code == 405  # a link or image cannot log a user out
    assert client.post(reverse("logout"))["Location"] == URL
    assert client.post(reverse("logout"))["Location"] == URL
    client.cookies["sessionid"] = kept
    assert client.get("/environments/").status_code == 302


def test_the_first_password_is_only_mentioned_until_it_is_changed(
    client: Client, settings: Settings, tmp_path: Path, db: None
) -> None:
    settings.DATA_DIR = tmp_path
    assert "make run" not in page(client.get(reverse("login"))).one("main").text

    ensure_first_login(tmp_path)
    assert "make run" in page(client.get(reverse("login"))).one("main").text

    forget(tmp_path, User.objects.get())
    assert "make run" not in page(client.get(reverse("login"))).one("main").text
