"""Two-factor authentication: setup, login with codes, recovery, removal, and limits on guessing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.builders import make_user
from tests.limits import use_clock
from tests.pages.pages import page
from tests.portal.authenticator_app import App
from tests.services import Redis

PASSWORD = "a long password"
SECURITY, APP, CODE = reverse("account_security"), reverse("account_app"), reverse("mfa_authenticate")


TIMED = (
    "mfa.totp.internal.auth",
    "account.models",
    "account.internal.stagekit",
    "account.internal.flows.login",
    "account.internal.flows.reauthentication",
)
"""The library's modules that read the clock."""


class Clock:
    """The clock for codes and limits, which tests advance."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    use_clock(monkeypatch, clock)
    for module in TIMED:
        monkeypatch.setattr(f"allauth.{module}.time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("ana")


@pytest.fixture
def browser(user: User, client: Client) -> Client:
    log_in(client)
    return client


def log_in(client: Client, password: str = PASSWORD, next_: str = "", address: str = "192.0.2.1") -> Any:
    form = {"username": "ana", "password": password, "next": next_}
    return client.post(reverse("login"), form, REMOTE_ADDR=address)


def send_code(client: Client, code: str, address: str = "192.0.2.1") -> Any:
    return client.post(CODE, {"code": code}, REMOTE_ADDR=address)


def confirm(client: Client, password: str = PASSWORD, next_: str = SECURITY) -> Any:
    return client.post(f"{reverse('account_reauthenticate')}?next={next_}", {"password": password})


def set_up(client: Client, clock: Clock) -> tuple[App, list[str]]:
    """Set up an app as a user does; return it, and the recovery codes that the page displays."""
    confirm(client)
    app = App(page(client.get(APP)).one(id="key").text)
    shown = page(client.post(APP, {"code": app.code(clock.now)}))
    clock.now += 30
    return app, [item.text for item in shown.one("ul", class_="codes").all("li")]


def is_logged_in(client: Client) -> bool:
    return client.get("/environments/").status_code == 200


def test_the_page_is_linked_from_the_users_menu(browser: Client) -> None:
    assert page(browser.get("/environments/")).one("a", href=SECURITY).text == "Account security"
    assert "Set up authenticator app" in page(browser.get(SECURITY)).one("main").text


def test_an_app_is_set_up_after_the_password_was_typed_again(browser: Client, clock: Clock) -> None:
    asked = browser.get(APP)
    assert asked["Location"] == f"{reverse('account_reauthenticate')}?next={APP.replace('/', '%2F')}"
    assert confirm(browser, "wrong", APP).status_code == 422
    assert browser.get(APP).status_code == 302
    assert confirm(browser, next_=APP)["Location"] == APP

    app, codes = set_up(browser, clock)

    assert len(set(codes)) == 10
    assert "Set up" in page(browser.get(SECURITY)).one("main").text
    assert "10 recovery codes" in page(browser.get(SECURITY)).one("main").text
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert app.key.replace(" ", "") not in stored  # encrypted


def test_a_wrong_code_does_not_set_up_an_app(browser: Client, clock: Clock) -> None:
    confirm(browser)
    app = App(page(browser.get(APP)).one(id="key").text)
    wrong = f"{(int(app.code(clock.now)) + 1) % 1_000_000:06}"

    response = browser.post(APP, {"code": wrong})

    assert response.status_code == 422
    assert "The code is incorrect" in page(response).one(role="alert").text
    assert page(response).one(id="key").text == app.key  # the same key as before
    assert not Authenticator.objects.exists()


def test_the_password_is_confirmed_for_five_minutes(browser: Client, clock: Clock) -> None:
    confirm(browser)
    assert browser.get(APP).status_code == 200

    clock.now += 301
    assert browser.get(APP).status_code == 302


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_after_the_password_only_pages_of_the_portal_follow(browser: Client, url: str) -> None:
    assert confirm(browser, next_=url)["Location"] == SECURITY


def test_attempts_to_guess_the_password_again_are_limited(browser: Client) -> None:
    assert [confirm(browser, f"guess {n}").status_code for n in range(5)] == [422] * 5
    assert confirm(browser).status_code == 429
    assert browser.post(reverse("password_change"), {"old_password": PASSWORD}).status_code == 429


def test_the_code_is_required_after_the_password(browser: Client, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    stranger = Client()

    assert log_in(stranger, next_="/deployments/")["Location"] == CODE
    assert not is_logged_in(stranger)
    assert page(stranger.get(CODE)).one("h1").text == "Two-factor authentication"
    assert send_code(stranger, app.code(clock.now))["Location"] == "/deployments/"
    assert is_logged_in(stranger)


def test_without_a_password_the_page_for_codes_redirects_to_the_login(client: Client, db: None) -> None:
    assert client.get(CODE)["Location"] == reverse("login")
    assert send_code(client, "123456")["Location"] == reverse("login")


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_clocks_may_differ_by_half_a_minute(browser: Client, clock: Clock, seconds: int) -> None:
    app, _codes = set_up(browser, clock)
    clock.now += 60
    log_in(browser := Client())

    assert send_code(browser, app.code(clock.now + seconds)).status_code == 302


@pytest.mark.parametrize("spelling", [str, lambda code: f"{code[:3]} {code[3:]}", lambda code: wide(code)])
def test_a_code_may_be_typed_with_spaces_or_a_japanese_keyboard(
    browser: Client, clock: Clock, spelling: Callable[[str], str]
) -> None:
    app, _codes = set_up(browser, clock)
    log_in(browser := Client())

    assert send_code(browser, spelling(app.code(clock.now))).status_code == 302


def wide(code: str) -> str:
    return "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)


def test_a_code_is_accepted_once(browser: Client, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    code, earlier = app.code(clock.now), app.code(clock.now - 30)
    log_in(mine := Client())
    send_code(mine, code)
    log_in(thief := Client())

    for seen in (code, earlier):  # the earlier one confirmed the app
        assert send_code(thief, seen).status_code == 422
    assert not is_logged_in(thief)
    clock.now += 30
    assert send_code(thief, app.code(clock.now)).status_code == 302


def test_a_recovery_code_replaces_the_app_once(browser: Client, clock: Clock) -> None:
    _app, codes = set_up(browser, clock)
    for expected in (302, 422):
        log_in(other := Client())
        assert send_code(other, codes[3]).status_code == expected

    assert "9 recovery codes" in page(browser.get(SECURITY)).one("main").text


def test_new_recovery_codes_end_the_earlier_ones(browser: Client, clock: Clock) -> None:
    _app, codes = set_up(browser, clock)
    assert browser.get(reverse("account_recovery_codes")).status_code == 200  # asks for confirmation
    shown = page(browser.post(reverse("account_recovery_codes")))
    fresh = [item.text for item in shown.one("ul", class_="codes").all("li")]

    assert not set(codes) & set(fresh)
    log_in(other := Client())
    assert send_code(other, codes[0]).status_code == 422
    assert send_code(other, fresh[0]).status_code == 302


def test_removing_the_app_needs_the_password(browser: Client, clock: Clock) -> None:
    set_up(browser, clock)
    session = browser.session
    del session["account_authentication_methods"]
    session.save()
    remove = reverse("account_app_remove")

    assert browser.post(remove)["Location"].startswith(reverse("account_reauthenticate"))
    assert Authenticator.objects.count() == 2
    confirm(browser)
    assert "Remove authenticator app" in page(browser.get(remove)).one("main").text
    browser.post(remove)
    assert not Authenticator.objects.exists()  # recovery codes included
    assert log_in(Client())["Location"] == reverse("home")


def test_guessing_codes_is_limited_over_all_addresses(browser: Client, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    right = app.code(clock.now)
    for number in range(5):
        address = f"198.51.100.{number}"
        log_in(thief := Client(), address=address)  # the correct password does not reset the failures
        assert send_code(thief, "000000" if right != "000000" else "111111", address).status_code == 422

    log_in(thief := Client())
    response = send_code(thief, right)
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 5
    clock.now += 10
    assert send_code(thief, app.code(clock.now)).status_code == 302


def test_the_owners_browser_is_not_locked_out_by_others(browser: Client, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    browser.post(reverse("logout"))
    log_in(thief := Client())
    while send_code(thief, "wrong").status_code != 429:
        pass

    log_in(browser)
    assert send_code(browser, app.code(clock.now)).status_code == 302


def test_a_browser_is_only_known_after_the_second_factor(browser: Client, user: User, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    log_in(other := Client())
    assert f"device-{user.pk}" not in other.cookies
    send_code(other, app.code(clock.now))
    assert f"device-{user.pk}" in other.cookies


def test_a_login_that_was_begun_ends_after_15_minutes(browser: Client, clock: Clock) -> None:
    app, _codes = set_up(browser, clock)
    log_in(late := Client())
    clock.now += 901

    assert send_code(late, app.code(clock.now))["Location"] == reverse("login")
    assert not is_logged_in(late)


def test_a_user_who_is_deactivated_meanwhile_is_not_logged_in(
    browser: Client, user: User, clock: Clock
) -> None:
    app, _codes = set_up(browser, clock)
    log_in(other := Client())
    User.objects.update(is_active=False)
    send_code(other, app.code(clock.now))

    assert not is_logged_in(other)


def test_codes_are_neither_logged_nor_stored_as_typed(
    browser: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(browser, clock)
    log_in(other := Client())
    send_code(other, "918273")

    assert re.search(r"wrong code for user \d+ from 192\.0\.2\.1", caplog.text)
    assert "918273" not in caplog.text


def test_a_code_of_an_earlier_secret_key_gets_advice_and_no_failure(
    browser: Client, clock: Clock, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app, codes = set_up(browser, clock)
    settings.SECRET_KEY = "another key, of which the earlier one is no fallback" * 2
    log_in(browser := Client())

    for code in (app.code(clock.now), codes[0]):
        response = send_code(browser, code)
        assert response.status_code == 422
        assert "ask an administrator to delete your second factor" in page(response).one(role="alert").text
    assert not is_logged_in(browser)
    assert "The second factor of ana" in caplog.text
    assert "SECRET_KEY_FALLBACKS" in caplog.text

    browser.force_login(User.objects.get(username="ana"))
    assert "0 recovery codes" in page(browser.get(SECURITY)).one("main").text


def test_an_administrator_removes_the_second_factor_of_a_user(browser: Client, clock: Clock) -> None:
    set_up(browser, clock)
    admin = Client()
    admin.force_login(make_user("root", is_staff=True, is_superuser=True))
    listed = admin.get(reverse("admin:mfa_authenticator_changelist"))
    assert listed.status_code == 200
    found = Authenticator.objects.get(type="totp")
    shown = admin.get(reverse("admin:mfa_authenticator_change", args=[found.pk]))
    assert found.data["secret"] not in shown.text
    for one in Authenticator.objects.all():
        admin.post(reverse("admin:mfa_authenticator_delete", args=[one.pk]), {"post": "yes"})

    assert log_in(Client())["Location"] == reverse("home")


@pytest.mark.parametrize(
    "name",
    ["account_signup", "account_email", "account_reset_password", "account_inactive", "mfa_index"],
)
def test_other_pages_of_the_library_have_no_route(name: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse(name)
