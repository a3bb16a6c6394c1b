"""Each order of every list shows each row on one page: 120 real rows, and pages of 50."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Team
from deployments.access.models.tokens import ApiToken
from deployments.administration.pages import access_lists, token_list
from deployments.administration.pages.views.freezes import FREEZES
from deployments.audit.pages.record_list import RECORDS
from deployments.changes.models.approvals import Approval
from deployments.changes.pages.views import approvals
from deployments.common.pages.list_orders import PAGE, REVERSED
from deployments.deployment_pages.pages import deployment_list
from deployments.environment_pages.pages import environment_list
from deployments.locks.models import FreezeWindow
from tests.builders import make_account, make_deployment, make_environment
from tests.many_rows import add_copies
from tests.pages.pages import page
from tests.template_versions import make_source, make_version

pytestmark = pytest.mark.django_db
ROWS = 2 * PAGE + 20
NEXT = ("Next page", "Older versions")


@pytest.fixture
def root(client: Client) -> User:
    """A superuser, logged in."""
    found = User.objects.create_superuser("root", password="a long password")
    client.force_login(found)
    return found


def assert_whole(client: Client, url: str, orders: Iterable[str], row: str, rows: int = ROWS) -> None:
    """Assert that the pages of each order, and of its reverse, have so many rows together, each once."""
    for sort in [*orders, *(REVERSED + one for one in orders if one)]:
        seen: list[str] = []
        pages, following = 0, f"?sort={sort}" if sort else "?"
        while following:
            shown = client.get(url + following)
            body = shown.content.decode().partition("<tbody")[2].partition("</tbody>")[0]
            seen += dict.fromkeys(re.findall(row, body))
            pages += 1
            assert pages <= 4, (url, sort)
            buttons = page(shown).all("a", class_="button")
            following = "".join(a["href"] for a in buttons if a.text in NEXT)
        assert (pages, len(seen), len(set(seen))) == (3, rows, rows), (url, sort)


def test_environments_and_deployments(client: Client, root: User) -> None:
    account = make_account("one")
    environment = make_environment("shop", account=account, owner=root)
    add_copies(environment, ROWS - 1, name=lambda n: f"Shop-{n % 7}", live_key=lambda n: f"key-{n}")
    deployment = make_deployment(environment, state="succeeded", requested_by=root)
    add_copies(deployment, ROWS - 1)

    assert_whole(
        client, reverse("environments"), environment_list.ENVIRONMENTS.orders, r'id="environment-(\d+)-name"'
    )
    assert_whole(
        client, reverse("deployments"), deployment_list.DEPLOYMENTS.orders, r'id="deployment-(\d+)-link"'
    )


def test_requests_for_approval(client: Client, root: User) -> None:
    environment = make_environment("shop", owner=root)
    change = make_deployment(environment, kind="update", state="approval", active_key=None, requested_by=root)
    add_copies(change, ROWS - 1)
    now = timezone.now()
    approval = Approval.objects.create(
        deployment=change, open_key=1, digest="d", requested_by=root, requested_at=now, expires_at=now
    )
    keys = list(type(change).objects.exclude(pk=change.pk).values_list("pk", flat=True))
    hour = timedelta(hours=1)
    add_copies(
        approval,
        ROWS - 1,
        deployment_id=lambda n: keys[n],
        open_key=lambda n: n + 2,
        expires_at=lambda n: now + hour * (n % 3),
    )

    assert_whole(client, reverse("approvals"), approvals.APPROVALS.orders, r'href="/deployments/(\d+)/')


def test_people_teams_and_accounts(client: Client, root: User) -> None:
    add_copies(root, ROWS - 1, username=lambda n: f"User-{n}")
    add_copies(
        Team.objects.create(name="a", key="a"), ROWS - 1, name=lambda n: f"t{n}", key=lambda n: f"t{n}"
    )
    add_copies(make_account("one"), ROWS - 1, name=lambda n: f"account-{n}")

    people, teams, accounts = map(reverse, ("access_people", "access_teams", "access_accounts"))
    assert_whole(client, people, access_lists.PEOPLE.orders, r'href="/access/people/(\d+)/')
    assert_whole(client, teams, access_lists.TEAMS.orders, r'href="/access/teams/(\d+)/')
    assert_whole(client, accounts, access_lists.ACCOUNTS.orders, r'id="account-(\d+)"')


def test_freeze_windows(client: Client, root: User) -> None:
    window = FreezeWindow.objects.create(
        account=make_account("one"), name="a", reason="r", start_time=time(), end_time=time(1)
    )
    add_copies(window, ROWS - 1, name=lambda n: f"window-{n % 7}")

    assert_whole(client, reverse("freezes"), FREEZES.orders, r'id="freeze-(\d+)"')


def test_audit_records_and_tokens(client: Client, root: User) -> None:
    for number in range(ROWS):
        AuditRecord.objects.write(action="lock_environment", name=f"shop-{number % 5}", by="test")
    token = ApiToken.objects.create(
        owner=root,
        created_by=root,
        name="CI",
        prefix="p",
        digest="d",
        expires_at=timezone.now() + timedelta(days=1),
    )
    add_copies(token, ROWS - 1, digest=lambda n: f"d{n}")

    assert_whole(client, reverse("audit_records"), RECORDS.orders, r'href="/audit/(\d+)/"')
    assert_whole(client, reverse("tokens"), token_list.TOKENS.orders, r'"/tokens/(\d+)/revoke')


def test_versions_of_a_template_set(client: Client, root: User, tmp_path: Path) -> None:
    version = make_version(make_source(), tmp_path / "set")
    add_copies(version, ROWS - 1, number=lambda n: n + 2, commit=lambda n: f"{n:040}")

    url = reverse("template_set", args=[version.source_id])
    assert_whole(client, url, [""], r'href="/template-sets/versions/(\d+)/"')
