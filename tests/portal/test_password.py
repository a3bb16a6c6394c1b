"""Changing one's own password: permissions, sessions, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.administration.commands.tokens import create_token
from portal.first_login import ensure_first_login, stored_login
from tests.builders import make_user
from tests.pages.pages import page
from tests.services import Redis

pytestmark = pytest.mark.core
URL = reverse("password_change")
OLD, NEW = "a long password", "quite another one"


@pytest.fixture
def user(db: None, redis_server: Redis) -> User:
    return make_user("vic")  # without permissions


@pytest.fixture
def browser(user: User, client: Client) -> Client:
    client.force_login(user)
    return client


def change(client: Client, old: str = OLD, new: str = NEW, again: str | None = None) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    return client.post(URL, form)


def test_the_page_is_linked_from_the_users_menu(browser: Client) -> None:
    assert page(browser.get("/environments/")).one("a", href=URL).text == "Change password"
    shown = page(browser.get(URL))
    assert [label.text for label in shown.one("main").all("label")] == [
        "Current password",
        "New password",
        "Confirm new password",
    ]


def test_users_who_are_not_logged_in_are_redirected_to_the_login(client: Client, db: None) -> None:
    assert client.get(URL)["Location"] == f"{reverse('login')}?next={URL}"
    assert change(client)["Location"] == f"{reverse('login')}?next={URL}"


def test_the_new_password_replaces_the_old_one(browser: Client, user: User) -> None:
    shown = browser.get(change(browser)["Location"], follow=True)

    assert "Password changed" in page(shown).one(class_="note").one(role="status").text
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not user.check_password(OLD)


def test_all_other_sessions_end(browser: Client, user: User) -> None:
    other = Client()
    other.force_login(user)
    kept = browser.cookies["sessionid"].value
    change(browser)

    assert browser.get("/environments/").status_code == 200
    assert other.get("/environments/").status_code == 302
    stolen = Client()  # a copy of the earlier cookie
    stolen.cookies["sessionid"] = kept
    assert stolen.get("/environments/").status_code == 302


def test_api_tokens_stay_valid_and_the_page_says_so(browser: Client, user: User) -> None:
    assert "API tokens" not in page(browser.get(URL)).one("form", class_="card").text
    _token, value = create_token(user=user, name="CI", scopes=[], lifetime_days=7)
    assert "API tokens stay valid; you have 1." in page(browser.get(URL)).one("form", class_="card").text

    change(browser)

    me = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {value}"})
    assert me.json()["user"]["username"] == "vic"


@pytest.mark.parametrize(
    ("old", "new", "again", "sentence"),
    [
        ("wrong", NEW, NEW, "The current password is incorrect."),
        (OLD, NEW, "something else", "didn’t match"),
        (OLD, "short", "short", "too short"),
        (OLD, "password", "password", "too common"),
        (OLD, "12345678901", "12345678901", "entirely numeric"),
        (OLD, "", "", "required"),
    ],
)
def test_errors_are_displayed_and_nothing_changes(
    browser: Client, user: User, old: str, new: str, again: str, sentence: str
) -> None:
    response = change(browser, old, new, again)

    assert response.status_code == 422
    assert sentence in page(response).one("main").text
    user.refresh_from_db()
    assert user.check_password(OLD)
    assert {field.attributes.get("value") for field in page(response).all("input", type="password")} == {None}


def test_attempts_to_guess_the_old_password_are_limited(browser: Client, user: User) -> None:
    assert [change(browser, f"guess {n}").status_code for n in range(5)] == [422] * 5

    response = change(browser)

    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    user.refresh_from_db()
    assert user.check_password(OLD)
    elsewhere = Client()  # the session of the owner is not limited
    elsewhere.force_login(user)
    assert change(elsewhere).status_code == 302


def test_staff_uses_the_same_page(client: Client, db: None) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    assert client.get("/admin/password_change/")["Location"] == URL
    assert client.post("/admin/password_change/", {"old_password": OLD})["Location"] == URL


def test_a_generated_password_is_deleted_when_it_is_changed(
    client: Client, db: None, redis_server: Redis, settings: Settings, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    ensure_first_login(tmp_path)
    first = stored_login(tmp_path)
    assert first is not None
    bob = Client()
    bob.force_login(make_user("bob"))
    change(bob)
    assert stored_login(tmp_path) == first  # bob changed only his own

    client.post(reverse("login"), {"username": first.username, "password": first.password})
    assert change(client, old=first.password).status_code == 302
    assert stored_login(tmp_path) is None


def test_a_password_that_an_administrator_sets_ends_the_users_sessions(browser: Client, user: User) -> None:
    admin = Client()
    admin.force_login(make_user(is_staff=True, is_superuser=True))
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert admin.post(f"/admin/auth/user/{user.pk}/password/", form).status_code == 302

    assert browser.get("/environments/").status_code == 302
    assert admin.get("/environments/").status_code == 200
