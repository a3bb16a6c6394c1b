"""Lists of several pages of the API are shown whole: each row once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from sanso_cli.client import MOST, PortalClient
from tests.api.clients import Program
from tests.builders import make_account, make_deployment, make_environment, make_event
from tests.command_line.portal_in_process import URL, PortalInProcess, Shell
from tests.many_rows import add_copies
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db
ROWS = 2 * MOST + 50
PAGES = 3


def listed(portal: PortalInProcess, path: str) -> list[str]:
    """Return the addresses of a list that were called."""
    found = [address for _method, address, _body in portal.sent if address.partition("?")[0] == path]
    portal.sent.clear()
    return found


def assert_whole(output: str, words: set[str]) -> None:
    """Assert that each of these words is in the output, once."""
    found = [word for word in output.split() if word in words]
    assert (len(found), set(found)) == (len(words), words)


@pytest.fixture
def places(operator: User) -> tuple[Account, set[str]]:
    """Accounts, and their names."""
    account = make_account("account-x")
    add_copies(account, ROWS - 1, name=lambda n: f"account-{n}")
    return account, set(Account.objects.values_list("name", flat=True))


def test_all_environments_and_accounts_are_listed(
    portal: PortalInProcess, shell: Shell, operator: User, places: tuple[Account, set[str]]
) -> None:
    account, accounts = places
    environment = make_environment("shop-x", account=account, owner=operator)
    add_copies(environment, ROWS - 1, name=lambda n: f"shop-{n}", live_key=lambda n: f"key-{n}")

    code, output, _errors = shell.run("env", "list")
    assert code == 0
    assert_whole(output, set(Environment.objects.values_list("name", flat=True)))
    assert len(set(listed(portal, "/environments"))) == PAGES

    code, output, _errors = shell.run("accounts")
    assert code == 0
    assert_whole(output, accounts)
    assert len(set(listed(portal, "/accounts"))) == PAGES


def test_all_events_of_a_creation_are_listed(portal: PortalInProcess, shell: Shell, operator: User) -> None:
    deployment = make_deployment(make_environment("shop", owner=operator), state="succeeded")
    event = make_event(deployment, 1, logical_id="Thing-x")
    add_copies(
        event,
        ROWS - 1,
        seq=lambda n: n + 2,
        event_id=lambda n: f"id-{n}",
        key=lambda n: f"key-{n}",
        logical_id=lambda n: f"Thing-{n}",
    )

    code, output, _errors = shell.run("env", "logs", "shop")

    assert code == 0
    assert_whole(output, {"Thing-x", *(f"Thing-{n}" for n in range(ROWS - 1))})
    assert len(set(listed(portal, f"/deployments/{deployment.pk}/events"))) == PAGES


def test_all_template_sets_and_their_versions_are_listed(
    portal: PortalInProcess, shell: Shell, tmp_path: Path
) -> None:
    source = make_source("set-x")
    names = {"set-x", *(f"set-{n}" for n in range(ROWS - 1))}
    add_copies(source, ROWS - 1, name=lambda n: f"set-{n}", live_key=lambda n: f"set-{n}")
    version = make_version(source, tmp_path / "files")
    add_copies(version, ROWS - 1, number=lambda n: n + 2, commit=lambda n: f"commit-{n}")

    code, output, _errors = shell.run("sets", "list")
    assert code == 0
    assert_whole(output, names)
    assert len(set(listed(portal, "/template-sets"))) == PAGES

    code, output, _errors = shell.run("sets", "versions", "set-x", "--output", "json")
    assert code == 0
    assert [row["number"] for row in json.loads(output)] == list(range(ROWS, 0, -1))
    assert len(set(listed(portal, f"/template-sets/{source.pk}/versions"))) == PAGES


def test_a_list_ends_after_the_rows_that_were_wanted(
    portal: PortalInProcess, operator: User, places: tuple[Account, set[str]]
) -> None:
    api = PortalClient(URL, Program(operator).value)

    for limit in (1, MOST, MOST + 1, 2 * MOST, ROWS, ROWS + 1):
        rows = [row["id"] for row in api.items("/accounts", limit=limit)]
        assert len(set(rows)) == len(rows) == min(limit, ROWS)
        assert len(listed(portal, "/accounts")) == -(-min(limit, ROWS) // MOST)


def test_every_page_keeps_the_filters_of_the_first(portal: PortalInProcess, operator: User) -> None:
    environment = make_environment("shop-x", owner=operator, deleted_at=timezone.now())
    add_copies(environment, ROWS - 1, name=lambda n: f"shop-{n}")
    make_environment("other", owner=operator)
    api = PortalClient(URL, Program(operator).value)

    rows = list(api.items("/environments", state="deleted"))

    assert len({row["name"] for row in rows}) == len(rows) == ROWS
    assert all("state=deleted" in address for address in listed(portal, "/environments"))
