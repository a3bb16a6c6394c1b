"""Permissions to open pages and request changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.texts.commands import ACTIONS
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from tests.builders import allow, make_deployment, make_environment, make_grant, make_user
from tests.pages.pages import page
from tests.services import Redis
from tests.template_versions import make_source, make_version

NAMES = ("home", "environments", "environment_new", "deployments")
OF_ONE = ("environment", "environment_delete", "environment_close")


@pytest.fixture
def environment(db: None) -> Environment:
    return make_environment("staging", pk=1, stack_id="arn:stack", missing_since=timezone.now())


@pytest.mark.parametrize("name", [*NAMES, *OF_ONE])
def test_users_who_are_not_logged_in_are_redirected_to_the_login_and_back(
    client: Client, environment: Environment, name: str
) -> None:
    url = reverse(name, args=[environment.pk] if name in OF_ONE else [])

    for response in (client.get(url), client.post(url)):
        assert response.status_code == 302
        assert response["Location"] == f"{reverse('login')}?next={url}"


@pytest.mark.parametrize("name", ["login", "healthz"])
def test_some_pages_need_no_login(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name)).status_code == 200


def test_the_first_page_is_the_list_of_environments(browser: Client) -> None:
    assert browser.get("/")["Location"] == reverse("environments")


def test_viewers_have_no_buttons_that_change_environments(viewer: Client, environment: Environment) -> None:
    make_deployment(environment, state="succeeded")

    listed, shown = (
        page(viewer.get(reverse("environments"))),
        page(viewer.get(reverse("environment", args=[environment.pk]))),
    )

    assert "staging" in listed.text
    assert "New environment" not in listed.one("main").text
    assert "disabled" in shown.one("button", id="delete").attributes
    assert shown.one(id="delete-why-not").text
    assert not shown.all(id="forget")


def test_viewers_may_not_change_environments(viewer: Client, environment: Environment) -> None:
    refused = [
        viewer.get(reverse("environment_new")),
        viewer.post(reverse("environment_new")),
        viewer.post(reverse("environment_delete", args=[environment.pk]), {"typed_name": "staging"}),
        viewer.post(reverse("environment_close", args=[environment.pk])),
    ]

    assert [response.status_code for response in refused] == [403] * 4
    assert "vic" in page(refused[0]).one("main").text
    assert "Create environments" in page(refused[0]).one("main").text
    assert not Deployment.objects.exists()
    environment.refresh_from_db()
    assert environment.deleted_at is None


def addresses(patterns: Iterable[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and an address of every page except the admin's."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from addresses(pattern.url_patterns, f"{before}{pattern.pattern}")
            continue
        yield pattern.name or "", "/" + re.sub(r"<\w+:\w+>", "1", f"{before}{pattern.pattern}")


def test_viewers_may_not_post_to_any_address(
    client: Client, environment: Environment, redis_server: Redis, tmp_path: Path
) -> None:
    """A new page that accepts POST must be listed here."""
    for_everybody = {"home", "login", "logout", "password_change", "set_language", ""}
    for_everybody |= {"account_login", "mfa_authenticate", "account_reauthenticate", "account_app"}
    for_everybody |= {"account_app_remove", "account_recovery_codes", "account_passkey_add"}
    for_everybody |= {"account_passkey", "account_passkey_remove", "account_passkey_options"}
    for_everybody |= {
        "passkey_options",
        "passkey_login",
        "account_reauthenticate_passkey",
        "account_session_end",
        "account_sessions_end",
    }  # of the user's own account
    for_everybody.add("template_set_push")  # webhooks, which are signed
    for_everybody |= {"oidc_logout", "oidc_logout_at", "saml_acs"}  # requests of providers, which are signed
    for_everybody.add("invitation")  # for the owner of the link
    for_everybody |= {"tokens", "token_revoke", "command_line_login"}  # personal pages
    for_everybody.add("command_line_exchange")  # for a command line with a code
    for_everybody |= {"notification_new", "notification_edit", "notification_test", "notification_switch"}
    for_everybody |= {"notification_rotate", "notification_remove", "notification_retry"}
    source = make_source(pk=1)
    TemplateVersion.objects.filter(pk=make_version(source, tmp_path).pk).update(id=1)
    TemplateRef.objects.create(pk=1, source=source, name="refs/tags/v1", version_id=1, is_tag=True)
    vic, found = make_user("vic"), {}
    make_deployment(environment=environment, pk=1)
    for name, address in addresses(get_resolver().url_patterns):
        if address.startswith("/api/"):  # tests/api
            continue
        client.force_login(vic)
        found[name] = client.post(address).status_code

    assert len(found) > 25
    refused = AuditRecord.objects.filter(user=vic, outcome="refused")
    assert refused.count() == list(found.values()).count(403)  # each is recorded
    assert {record.action for record in refused} <= set(ACTIONS)
    assert {name for name, status in found.items() if status not in (403, 405)} <= for_everybody


def test_only_superusers_and_account_managers_have_a_link_to_the_admin(viewer: Client, db: None) -> None:
    def has_link(user: User) -> bool:
        client = Client()
        client.force_login(user)
        return bool(page(client.get(reverse("notifications"))).all("a", href=reverse("admin:index")))

    assert not page(viewer.get(reverse("notifications"))).all("a", href=reverse("admin:index"))
    assert not has_link(make_user(is_staff=True))
    assert has_link(make_user(is_superuser=True))
    assert has_link(allow(make_user(), "manage_accounts"))


def test_a_missing_permission_names_what_it_is_for_and_who_can_grant_it(
    client: Client, environment: Environment
) -> None:
    Environment.objects.filter(pk=environment.pk).update(missing_since=None, stack_status="CREATE_COMPLETE")
    make_grant(make_user("mia"), role="admin", scope="environment", environment=environment)
    client.force_login(make_user("vic"))

    refused = page(client.post(reverse("environment_delete", args=[environment.pk]))).one("main").text
    shown = page(client.get(reverse("environment", args=[environment.pk])))

    assert "“Delete” for the environment staging" in refused
    assert "mia can grant it." in refused
    assert "mia can grant it." in shown.one(id="delete-why-not").text


def test_the_admin_has_no_login_of_its_own(client: Client, viewer: Client) -> None:
    """The admin's own login form would allow unlimited attempts."""
    stranger = client.get("/admin/", follow=True)

    assert stranger.redirect_chain[-1][0] == f"{reverse('login')}?next=/admin/"
    assert viewer.get("/admin/", follow=True).status_code == 403


def test_the_admin_login_does_not_redirect_elsewhere(client: Client, db: None) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    for wanted in (
        "https://evil.example/",
        "//evil.example/",
        "foo",
        ":",
        "Infinity",
        "a\0b",
        "environments",
    ):
        assert client.get("/admin/login/", {"next": wanted})["Location"] == "/admin/"
    assert client.get("/admin/login/", {"next": "/admin/auth/"})["Location"] == "/admin/auth/"
    assert client.get("/admin/login/", {"next": "/a\0b"})["Location"] == "/a%00b"


def test_pages_may_not_be_framed_and_only_run_their_own_scripts(browser: Client) -> None:
    response = browser.get(reverse("environments"))

    assert response["X-Frame-Options"] == "DENY"
    assert "script-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    shown = page(response)
    assert all(script.attributes.get("src") for script in shown.all("script"))
    assert not shown.all("style")
    assert not [e for e in shown.all() if "style" in e.attributes]
