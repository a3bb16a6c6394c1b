"""The login of the command line: a person allows it on a page, and its code is exchanged for one token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.token_scopes import digest_of
from deployments.administration.commands.command_line_login import SALT
from deployments.administration.commands.tokens import MAX_TOKENS, create_token
from deployments.administration.rules.command_line_login import LoginRequest, challenge_of
from tests.builders import make_operator, make_user
from tests.pages.pages import page

pytestmark = pytest.mark.django_db
VERIFIER = "v" * 64
REDIRECT = "http://127.0.0.1:50123/"
QUERY = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
    "state": "s" * 32,
    "host": "laptop",
}
FORM = {"name": "Command line on laptop", "scopes": ["deploy", "change"], "lifetime_days": "30"}


@pytest.fixture
def ana(db: None) -> User:
    return make_operator("ana")


@pytest.fixture
def browser(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def address(**changes: str) -> str:
    return f"{reverse('command_line_login')}?{urlencode(QUERY | changes)}"


def allowed(browser: Client) -> str:
    """Return the code for the command line."""
    response = browser.post(address(), FORM)
    assert response.status_code == 302, response.content
    target = urlsplit(response["Location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == REDIRECT
    found = dict(parse_qsl(target.query))
    assert found["state"] == QUERY["state"]
    return found["code"]


def exchanged(code: str, **changes: str) -> Any:
    values = {"code": code, "code_verifier": VERIFIER, "redirect_uri": REDIRECT} | changes
    return Client(enforce_csrf_checks=True).post(reverse("command_line_exchange"), values)


def test_a_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert challenge_of("too short") == challenge_of("é" * 50) == ""


def test_the_page_says_who_asks_and_for_whom(browser: Client) -> None:
    shown = page(browser.get(address()))

    assert "laptop" in shown.one("main").text
    assert "API token of ana" in shown.one("main").text
    assert shown.one("input", id="id_name").attributes["value"] == "Command line on laptop"
    checked = {one["value"] for one in shown.all("input", name="scopes") if "checked" in one.attributes}
    assert {"deploy", "change"} <= checked
    assert "admin" not in checked
    assert Client().get(address()).status_code == 302


def test_an_allowed_login_becomes_one_token_of_the_person(browser: Client, ana: User) -> None:
    code = allowed(browser)
    assert not ApiToken.objects.exists()

    response = exchanged(code)

    found = response.json()
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert (found["token_type"], found["scope"]) == ("Bearer", "read deploy change")
    assert timedelta(days=29) < timedelta(seconds=found["expires_in"]) <= timedelta(days=30)
    token = ApiToken.objects.get()
    assert (token.owner, token.name) == (ana, "Command line on laptop")
    assert token.digest == digest_of(found["access_token"])
    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {found['access_token']}"})
    assert me.json()["user"]["username"] == "ana"
    listed = page(browser.get(reverse("tokens")))
    assert "Command line on laptop" in listed.one(id=f"token-{token.pk}").text
    record = AuditRecord.objects.get()
    assert (record.action, record.user, record.by, record.outcome) == (
        *("create_token", ana, "session"),
        "requested",
    )
    assert record.by_id
    assert found["access_token"][12:] not in str(vars(record))


def test_a_code_is_accepted_once(browser: Client) -> None:
    code = allowed(browser)
    assert exchanged(code).status_code == 200

    again = exchanged(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert "sanso login" in again.json()["error_description"]
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "w" * 64}, {"code_verifier": ""}, {"redirect_uri": "http://127.0.0.1:50124/"}],
)
def test_a_code_is_useless_to_who_did_not_begin_the_login(browser: Client, changes: dict[str, str]) -> None:
    """A wrong verifier also invalidates the code, so that nobody can try several."""
    code = allowed(browser)

    assert exchanged(code, **changes).status_code == 400
    assert exchanged(code).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_code_ends_after_two_minutes(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    code = allowed(browser)
    later = signing.time.time() + 121  # type: ignore[attr-defined]  # the clock that reads it
    monkeypatch.setattr(signing.time, "time", lambda: later)  # type: ignore[attr-defined]

    assert exchanged(code).status_code == 400


def test_a_code_ends_with_its_owner(browser: Client, ana: User) -> None:
    code = allowed(browser)
    User.objects.filter(pk=ana.pk).update(is_active=False)

    assert exchanged(code).status_code == 400


def test_a_code_ends_with_the_logout(browser: Client) -> None:
    code = allowed(browser)
    browser.post(reverse("logout"))

    assert exchanged(code).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_code_ends_with_the_password_and_with_the_session(browser: Client, ana: User) -> None:
    code = allowed(browser)
    ana.set_password("quite another one")  # as an administrator does
    ana.save()
    assert exchanged(code).status_code == 400

    browser.force_login(ana)
    code = allowed(browser)
    Session.objects.all().delete()  # as the page Account security does, or the logout at a provider
    assert exchanged(code).status_code == 400
    assert not ApiToken.objects.exists()


def test_a_code_does_not_contain_the_session(browser: Client) -> None:
    key = browser.cookies["sessionid"].value

    assert key not in str(signing.loads(allowed(browser), salt=SALT))


def test_other_signed_values_are_no_codes(ana: User) -> None:
    other = signing.dumps({"owner": ana.pk}, salt="something else")

    assert [exchanged(code).status_code for code in ("", "x", "a:b:c", other)] == [400] * 4


def test_wrong_codes_are_limited_for_each_address(db: None, settings: Settings) -> None:
    settings.SANSO_API_WRONG_TOKENS = 3

    statuses = [exchanged("x").status_code for _ in range(5)]

    assert statuses[0] == 400
    assert statuses[-1] == 429


def test_who_denies_it_gives_no_code(browser: Client) -> None:
    response = browser.post(address(), FORM | {"deny": "yes"})

    assert parse_qs(urlsplit(response["Location"]).query) == {
        "error": ["access_denied"],
        "state": [QUERY["state"]],
    }
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1.evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1:50123@evil.example.com/"},
        {"redirect_uri": "http://127.0.0.1:80/"},
        {"redirect_uri": "http://127.0.0.1:50123/\n"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"state": ""},
        {"response_type": "token"},
    ],
)
def test_the_browser_is_sent_to_this_computer_alone(browser: Client, changes: dict[str, str]) -> None:
    shown, sent = browser.get(address(**changes)), browser.post(address(**changes), FORM)

    assert (shown.status_code, sent.status_code) == (422, 422)
    assert "not complete" in page(shown).one("main").text
    assert "Location" not in sent


def test_the_form_says_what_is_wrong(browser: Client, ana: User) -> None:
    assert browser.post(address(), FORM | {"name": ""}).status_code == 422
    for number in range(MAX_TOKENS):
        create_token(user=ana, name=f"CI {number}", scopes=[], lifetime_days=7)

    refused = browser.post(address(), FORM)

    assert refused.status_code == 422
    assert "tokens already" in page(refused).one("main").text


def test_a_person_without_a_role_gets_a_token_that_reads(db: None) -> None:
    vic = Client()
    vic.force_login(make_user("vic"))

    shown = page(vic.get(address(host="\x00a\u202eb")))

    assert not [one for one in shown.all("input", name="scopes") if "checked" in one.attributes]
    assert shown.one("input", id="id_name").attributes["value"] == "Command line on ab"


def test_the_page_is_in_the_language_of_the_person(browser: Client) -> None:
    shown = browser.get(address(), headers={"Accept-Language": "ja"})

    assert "コマンドライン" in page(shown).one("h1").text


def test_only_a_complete_request_is_one() -> None:
    assert LoginRequest.of(QUERY)
    assert not [name for name in QUERY if name != "host" and LoginRequest.of(QUERY | {name: ""})]
