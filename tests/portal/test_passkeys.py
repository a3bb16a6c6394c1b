"""Passkeys: registration, login with a passkey alone or as the second factor, and refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.login import limits
from tests.builders import make_user
from tests.limits import use_clock
from tests.pages.pages import page
from tests.portal.security_key import SecurityKey
from tests.services import Redis

PASSWORD = "a long password"
SECURITY, ADD, LOGIN = reverse("account_security"), reverse("account_passkey_add"), reverse("passkey_login")


def at_localhost() -> Client:
    return Client(SERVER_NAME="localhost")


@pytest.fixture(autouse=True)
def _frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    use_clock(monkeypatch, lambda: 1e9)


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("ana")


@pytest.fixture
def browser(user: User) -> Client:
    return confirmed(at_localhost())


def log_in(client: Client, username: str = "ana") -> Any:
    return client.post(reverse("login"), {"username": username, "password": PASSWORD})


def confirmed(client: Client, username: str = "ana") -> Client:
    log_in(client, username)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def register(client: Client, key: SecurityKey, name: str = "Laptop") -> Any:
    options = client.post(reverse("account_passkey_options")).json()
    return client.post(ADD, {"name": name, "credential": key.create(options)})


def use(client: Client, key: SecurityKey, **form: str) -> Any:
    options = client.post(reverse("passkey_options"), form).json()
    return client.post(LOGIN, {"credential": key.get(options), **form})


def is_logged_in(client: Client) -> bool:
    return client.get("/environments/").status_code == 200


def test_a_passkey_is_added_and_logs_in_alone(browser: Client, user: User) -> None:
    key = SecurityKey()
    shown = page(register(browser, key))
    assert len(shown.one("ul", class_="codes").all("li")) == 10  # with the first second factor
    assert "Laptop" in page(browser.get(SECURITY)).one("main").text

    other = at_localhost()
    assert use(other, key, next="/deployments/")["Location"] == "/deployments/"
    assert is_logged_in(other)
    assert f"device-{user.pk}" in other.cookies
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None


def test_a_passkey_is_the_second_factor_after_the_password(browser: Client) -> None:
    key = SecurityKey()
    register(browser, key)
    other = at_localhost()
    assert log_in(other)["Location"] == reverse("mfa_authenticate")
    assert not is_logged_in(other)
    assert page(other.get(reverse("mfa_authenticate"))).all("form", action=LOGIN)

    key.verifies = False  # the password has identified the user
    assert use(other, key, step="second")["Location"] == reverse("home")
    assert is_logged_in(other)


def test_adding_a_passkey_needs_the_password_again(user: User) -> None:
    client = at_localhost()
    log_in(client)

    assert client.get(ADD)["Location"].startswith(reverse("account_reauthenticate"))
    assert client.post(reverse("account_passkey_options")).status_code == 302
    assert client.post(ADD, {"name": "x", "credential": "{}"}).status_code == 302
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"verifies": False},
        {"origin": "http://localhost:9999"},
        {"origin": "http://evil.localhost"},
        {"origin": "https://localhost"},
        {"name": "example.com"},
    ],
    ids=str,
)
def test_an_answer_of_another_page_or_without_the_users_consent_is_refused(
    browser: Client, wrong: dict[str, Any]
) -> None:
    fine = SecurityKey()
    register(browser, fine)
    stored = Authenticator.objects.count()

    assert register(browser, SecurityKey(**wrong)).status_code == 422
    assert Authenticator.objects.count() == stored
    for field, value in wrong.items():
        setattr(fine, field, value)
    other = at_localhost()
    assert use(other, fine)["Location"] == reverse("login")
    assert "The passkey was not accepted" in page(other.get(reverse("login"))).one("main").text
    assert not is_logged_in(other)


def test_another_key_or_another_users_key_is_refused(browser: Client) -> None:
    key = SecurityKey()
    register(browser, key)
    make_user("bob")
    bobs = SecurityKey()
    register(confirmed(at_localhost(), "bob"), bobs)

    stranger = SecurityKey(id=key.id, user=key.user)  # signs with another key
    swapped = SecurityKey(id=bobs.id, user=key.user, key=bobs.key)  # bob's key under ana's handle
    for wrong in (stranger, swapped):
        client = at_localhost()
        use(client, wrong)
        assert not is_logged_in(client)
    client = at_localhost()
    log_in(client)
    use(client, bobs, step="second")  # ana's password, bob's passkey
    assert not is_logged_in(client)


def test_an_answer_is_accepted_once_and_only_in_its_session(browser: Client) -> None:
    key = SecurityKey()
    register(browser, key)
    first = at_localhost()
    answer = key.get(first.post(reverse("passkey_options")).json())

    thief = at_localhost()
    thief.post(reverse("passkey_options"))
    thief.post(LOGIN, {"credential": answer})
    assert not is_logged_in(thief)
    first.post(LOGIN, {"credential": answer})
    assert is_logged_in(first)
    first.post(reverse("logout"))
    first.post(LOGIN, {"credential": answer})
    assert not is_logged_in(first)


@pytest.mark.parametrize(
    "answer",
    ["", "x", "[]", "null", "{}", '{"response": []}', "[" * 5000, '{"a": 1' + "0" * 20_000 + "}"],
)
def test_whatever_a_client_sends_is_refused(browser: Client, answer: str) -> None:
    register(browser, SecurityKey())
    client = at_localhost()
    client.post(reverse("passkey_options"))

    assert client.post(LOGIN, {"credential": answer})["Location"] == reverse("login")
    assert browser.post(ADD, {"name": "x", "credential": answer}).status_code == 422


@pytest.mark.parametrize("handle", ["", "ww", "enpnenpnenpnenpnenpnenpnenpn", "LTE", "AA"])
def test_whatever_a_key_names_as_its_user_is_refused(browser: Client, handle: str) -> None:
    key = SecurityKey()
    register(browser, key)
    key.user = handle

    client = at_localhost()
    assert use(client, key)["Location"] == reverse("login")
    assert not is_logged_in(client)


def test_a_deactivated_user_cannot_log_in(browser: Client) -> None:
    key = SecurityKey()
    register(browser, key)
    User.objects.update(is_active=False)
    client = at_localhost()

    assert use(client, key)["Location"] == reverse("login")
    assert "This account is deactivated" in page(client.get(reverse("login"))).one("main").text
    assert not is_logged_in(client)


def test_attempts_are_limited_by_address(browser: Client) -> None:
    register(browser, SecurityKey())
    wrong = SecurityKey(user=Authenticator.objects.get(type="webauthn").data["credential"]["id"])
    for _ in range(limits.ADDRESS_BURST):
        use(at_localhost(), wrong)

    client = at_localhost()
    response = client.post(reverse("passkey_options"))
    assert response.status_code == 429
    assert "Try again in" in response.json()["error"]
    client.post(LOGIN, {"credential": "{}"})
    assert "Too many failed attempts" in page(client.get(reverse("login"))).one("main").text
    # The same counter as for passwords:
    assert client.post(reverse("login"), {"username": "eve", "password": "x"}).status_code == 429


def test_a_passkey_is_renamed_and_removed(browser: Client) -> None:
    register(browser, SecurityKey())
    pk = Authenticator.objects.get(type="webauthn").pk
    browser.post(reverse("account_passkey", args=[pk]), {"name": "Phone"})
    assert "Phone" in page(browser.get(SECURITY)).one("main").text

    remove = reverse("account_passkey_remove", args=[pk])
    assert "Phone" in page(browser.get(remove)).one("main").text
    browser.post(remove)
    assert not Authenticator.objects.exists()  # recovery codes included


def test_passkeys_of_other_users_are_not_found(browser: Client) -> None:
    register(browser, SecurityKey())
    pk = Authenticator.objects.get(type="webauthn").pk
    make_user("bob")
    bob = confirmed(at_localhost(), "bob")

    for name in ("account_passkey", "account_passkey_remove"):
        assert bob.get(reverse(name, args=[pk])).status_code == 404
        assert bob.post(reverse(name, args=[pk]), {"name": "mine"}).status_code == 404


@pytest.mark.parametrize(
    ("host", "https", "possible"),
    [
        ("localhost:8000", False, True),
        ("127.0.0.1:8000", False, False),
        ("[::1]:8000", False, False),
        ("sanso.example.com", False, False),
        ("sanso.example.com", True, True),
        ("192.0.2.1", True, False),
    ],
)
def test_passkeys_are_offered_where_browsers_support_them(
    user: User, settings: Any, host: str, https: bool, possible: bool
) -> None:
    settings.ALLOWED_HOSTS = [".example.com", "localhost", "127.0.0.1", "[::1]", "192.0.2.1"]
    client = Client(SERVER_NAME=host, headers={"host": host})
    shown = page(client.get(reverse("login"), secure=https))

    assert bool(shown.all("form", action=LOGIN)) is possible


def test_the_name_and_the_origin_are_those_of_the_page_behind_https(user: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["sanso.example.com"]
    client = Client(SERVER_NAME="sanso.example.com")
    key = SecurityKey(origin="https://sanso.example.com", name="sanso.example.com")
    client.post(reverse("login"), {"username": "ana", "password": PASSWORD}, secure=True)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD}, secure=True)
    options = client.post(reverse("account_passkey_options"), secure=True).json()

    assert options["publicKey"]["rp"]["id"] == "sanso.example.com"
    assert "ana" in json.dumps(options["publicKey"]["user"])
    form = {"name": "Laptop", "credential": key.create(options)}
    assert client.post(ADD, form, secure=True).status_code == 200


@pytest.fixture
def without_password(browser: Client, user: User) -> tuple[Client, SecurityKey]:
    """A browser in which a user without a password logged in with a passkey long ago, and the passkey."""
    key = SecurityKey()
    register(browser, key)
    user.set_unusable_password()
    user.save()
    client = at_localhost()
    use(client, key)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    return client, key


def confirm(client: Client, key: SecurityKey) -> Any:
    options = client.post(reverse("passkey_options"), {"step": "confirm"}).json()
    form = {"credential": key.get(options), "step": "confirm", "next": ADD}
    return client.post(reverse("account_reauthenticate_passkey"), form)


def test_a_user_without_a_password_confirms_with_the_passkey_and_adds_another(
    without_password: tuple[Client, SecurityKey],
) -> None:
    client, key = without_password
    asked = client.get(ADD)
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    shown = page(client.get(asked["Location"]))
    assert "Use a passkey" in shown.one("main").text
    assert not shown.all("input", type="password")

    assert confirm(client, key)["Location"] == ADD
    assert register(client, SecurityKey(), "Phone").status_code == 302
    listed = page(client.get(SECURITY)).one("section", aria_labelledby="passkeys").text
    assert "Laptop" in listed
    assert "Phone" in listed


def test_another_passkey_or_one_without_verification_does_not_confirm(
    without_password: tuple[Client, SecurityKey],
) -> None:
    client, key = without_password
    key.verifies = False
    assert confirm(client, key)["Location"].startswith(reverse("account_reauthenticate"))
    stranger = SecurityKey(user=key.user)
    assert confirm(client, stranger)["Location"].startswith(reverse("account_reauthenticate"))
    passkey = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN)
    client.post(reverse("account_passkey_remove", args=[passkey.pk]))

    assert Authenticator.objects.filter(pk=passkey.pk).exists()
    assert client.get(ADD)["Location"].startswith(reverse("account_reauthenticate"))


def test_the_last_passkey_of_a_user_without_a_password_stays(
    without_password: tuple[Client, SecurityKey],
) -> None:
    client, key = without_password
    confirm(client, key)
    passkey = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN)
    removed = client.post(reverse("account_passkey_remove", args=[passkey.pk]), follow=True)

    assert "no other way to log in" in page(removed).one("main").text
    assert Authenticator.objects.filter(pk=passkey.pk).exists()
