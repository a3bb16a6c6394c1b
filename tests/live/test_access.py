"""Sessions have access if Django accepts them for a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.live.access import StreamAccess, grant_keys, of_sessions, of_user
from tests.builders import allow, disallow
from tests.live.scenes import make_user

pytestmark = pytest.mark.django_db


def log_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def access(key: str) -> StreamAccess:
    return of_sessions([key])[key]


def is_accepted_by_django(key: str) -> bool:
    request = HttpRequest()
    request.session = Client().session.__class__(key)
    return get_user(request).is_authenticated


def log_out(user: User, key: str) -> None:
    client = Client()
    client.cookies["sessionid"] = key
    client.post("/logout/")


def change_password(user: User, key: str) -> None:
    user.set_password("another horse battery staple")
    user.save()


def deactivate(user: User, key: str) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User, key: str) -> None:
    user.delete()


def expire(user: User, key: str) -> None:
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))


def corrupt(user: User, key: str) -> None:
    Session.objects.filter(pk=key).update(session_data="x")


@pytest.mark.parametrize("ending", [log_out, change_password, deactivate, delete, expire, corrupt])
def test_a_session_that_django_no_longer_accepts_has_no_access(
    ending: Callable[[User, str], None],
) -> None:
    user = make_user()
    key, other = log_in(user), log_in(make_user())
    assert set(of_sessions([key, other])) == {key, other}

    ending(user, key)

    assert not is_accepted_by_django(key)
    assert set(of_sessions([key, other])) == {other}


def test_sessions_of_an_earlier_secret_key_have_access_while_it_is_a_fallback(settings: Settings) -> None:
    key = log_in(make_user())
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    assert key in of_sessions([key])
    settings.SECRET_KEY_FALLBACKS = []
    assert key not in of_sessions([key])


@pytest.mark.parametrize("content", [{}, {SESSION_KEY: "1"}])
def test_a_session_in_which_nobody_is_logged_in_has_no_access(content: dict[str, str]) -> None:
    client = Client()
    session = client.session
    session.update(content)
    session.save()
    assert session.session_key
    assert of_sessions([session.session_key, "unknown"]) == {}


def test_a_lost_grant_is_noticed_whether_it_was_the_users_or_the_teams() -> None:
    user = allow(make_user(), "add_deployment")
    team = Team.objects.create(name="operators", key="operators")
    TeamMember.objects.create(team=team, user=user)
    shared = Grant.objects.create(team=team, role="operator", key="team operator")
    key = log_in(user)
    before = access(key)
    assert access(key).covers(before)

    shared.delete()
    without_shared = access(key)
    disallow(user)
    without_any = access(key)

    assert not without_shared.covers(before)
    assert not without_any.covers(without_shared)
    assert before.covers(without_any)


def test_a_superuser_who_becomes_an_ordinary_user_has_lost_permissions() -> None:
    user = make_user()
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    key = log_in(user)
    everything = access(key)
    User.objects.filter(pk=user.pk).update(is_superuser=False)

    assert not access(key).covers(everything)
    assert everything.covers(access(key))


def test_the_grants_in_a_page_are_those_of_its_session() -> None:
    user = allow(make_user())
    in_page = of_user(user).grant_list
    assert grant_keys(in_page) == access(log_in(user)).grants
    assert len(in_page) < 1_000  # the list is part of a URL


@pytest.mark.parametrize(
    ("sent", "ids"),
    [("", set()), ("7,,x, 8,-9,²,9", {7, 9}), ("1" * 10_000, {int("1" * 4_000)}), ("0" * 10_000, {0})],
)
def test_any_list_of_grants_can_be_parsed(sent: str, ids: set[int]) -> None:
    assert grant_keys(sent) == ids


def test_a_hundred_sessions_take_as_many_queries_as_one(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    keys = [log_in(make_user()) for _ in range(100)]
    with django_assert_num_queries(4):
        assert len(of_sessions(keys)) == 100
