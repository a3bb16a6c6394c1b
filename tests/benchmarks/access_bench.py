"""Lists and pages of access for users with different grants: `make bench-lists`.

There are 200 users, 50 teams, 5,000 grants and 1,000 environments. Each page is requested alternately by a
superuser with few grants and by another user, on MariaDB, through every middleware. The times are the CPU
times of this process and of the database's process, which other programs on the machine hardly change.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.lists_bench import busy, prepare, show
from tests.benchmarks.machine import load, machine
from tests.mariadb import MariaDB

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.test import Client

ACCOUNTS: Final = 10
ENVIRONMENTS: Final = 1_000
DEPLOYMENTS: Final = 5
"""Deployments of each environment."""
WAITING: Final = 100
RECORDS: Final = 5_000
USERS: Final = 200
TEAMS: Final = 50
OF_USER, OF_TEAM = 15, 40
"""Grants of each user and each team: 5,000 in total."""
ROUNDS: Final = 4
FEW: Final = "superuser, few grants"


def main() -> int:
    """Measure every page for every user, and print a table."""
    with tempfile.TemporaryDirectory(prefix="bench-access-") as folder:
        mariadb, redis = prepare(Path(folder))
        try:
            people = fill()
            measure_all(mariadb, people)
        finally:
            mariadb.stop()
            redis.stop()
    return 0


def fill() -> Mapping[str, User]:
    """Insert the rows, and return the users who open the pages by their names in the table."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from deployments.access.models.grants import Grant, Team, TeamMember

    call_command("migrate", verbosity=0)
    users = User.objects.bulk_create(User(username=f"user{n:03}") for n in range(USERS))
    environments = _environments(users)
    teams = Team.objects.bulk_create(Team(name=f"team {n}", key=f"team {n}") for n in range(TEAMS))
    TeamMember.objects.bulk_create(
        TeamMember(team=teams[(n + shift) % TEAMS], user=user)
        for n, user in enumerate(users)
        for shift in (0, 17)
    )
    subjects = [(one, OF_USER) for one in users] + [(one, OF_TEAM) for one in teams]
    grants = []
    for place, (subject, number) in enumerate(subjects):
        whose = {"user": subject} if isinstance(subject, User) else {"team": subject}
        for n in range(number):
            environment = environments[(37 * place + 11 * n) % ENVIRONMENTS]
            about: dict[str, Any] = {"scope": "environment", "environment": environment}
            if n % 3 == 1:
                about = {"scope": "label", "label_key": "team", "label_value": f"t{(place + n) % 100}"}
            grants.append(Grant(role="viewer", key=f"{place} {n}", **whose, **about))
    Grant.objects.bulk_create(grants)
    return _people(environments)


def _environments(users: list[User]) -> list[Any]:
    from django.utils import timezone

    from deployments.access.models.audit_records import AuditRecord
    from deployments.access.models.grants import Label
    from deployments.changes.models.approvals import Approval
    from deployments.environments.models.accounts import Account
    from deployments.environments.models.deployments import Deployment
    from deployments.environments.models.environments import Environment

    accounts = [Account(name=f"account-{n}", region="ap-northeast-1") for n in range(ACCOUNTS)]
    Account.objects.bulk_create(accounts)
    accounts = list(Account.objects.order_by("pk"))
    environments = Environment.objects.bulk_create(
        Environment(
            account=accounts[n % ACCOUNTS],
            name=f"env-{n:04}",
            stack_name=f"sanso-env-{n:04}",
            live_key=f"{accounts[n % ACCOUNTS].pk}:env-{n:04}",
            owner=users[n % USERS],
        )
        for n in range(ENVIRONMENTS)
    )
    Label.objects.bulk_create(
        Label(environment=one, key=key, value=value)
        for n, one in enumerate(environments)
        for key, value in (("team", f"t{n % 100}"), ("env", ("prod", "test")[n % 2]))
    )
    rows = [
        Deployment(environment=one, kind="update", state="succeeded", requested_by=users[n % USERS])
        for _ in range(DEPLOYMENTS)
        for n, one in enumerate(environments)
    ]
    Deployment.objects.bulk_create(rows)
    now = timezone.now()
    changes = Deployment.objects.bulk_create(
        Deployment(environment=environments[n], kind="update", state="approval", requested_by=users[0])
        for n in range(WAITING)
    )
    Approval.objects.bulk_create(
        Approval(
            deployment=one,
            open_key=one.pk,
            digest="d",
            requested_by=users[0],
            requested_at=now,
            expires_at=now + timedelta(days=1),
        )
        for one in changes
    )
    AuditRecord.objects.bulk_create(
        AuditRecord(
            user=users[n % USERS],
            action="change",
            permission="deployments.change_environment",
            outcome="requested",
            name=environments[n % ENVIRONMENTS].name,
            environment=environments[n % ENVIRONMENTS],
        )
        for n in range(RECORDS)
    )
    return environments


def _people(environments: list[Any]) -> Mapping[str, User]:
    from django.contrib.auth.models import User

    from deployments.access.models.grants import Grant

    people = {
        FEW: User(username="few", is_superuser=True),
        "viewer by label": User(username="viewer"),
        "operator by account": User(username="operator"),
        "superuser, 100 grants": User(username="many", is_superuser=True),
        "viewer by 100 environments": User(username="hundred"),
    }
    for one in people.values():
        one.save()
    Grant.objects.create(
        user=people["viewer by label"],
        role="viewer",
        scope="label",
        label_key="env",
        label_value="prod",
        key="l",
    )
    Grant.objects.create(
        user=people["operator by account"],
        role="operator",
        scope="account",
        account=environments[0].account,
        key="a",
    )
    for name in ("superuser, 100 grants", "viewer by 100 environments"):
        Grant.objects.bulk_create(
            Grant(user=people[name], role="viewer", scope="environment", environment=one, key=f"{name} {n}")
            for n, one in enumerate(environments[::10])
        )
    return people


def pages() -> tuple[str, ...]:
    """Return the addresses of the pages; the environment is one that every user may view."""
    from deployments.environments.models.environments import Environment

    pk = Environment.objects.get(name="env-0000").pk
    return (
        "/environments/",
        "/environments/?label=env%3Dprod&sort=name",
        "/environments/?q=env-00",
        "/deployments/",
        "/deployments/?sort=name",
        "/deployments/approvals/",
        "/access/",
        "/access/teams/",
        "/access/accounts/",
        f"/environments/{pk}/access",
        "/audit/",
        "/audit/mine",
    )


def measure_all(mariadb: MariaDB, people: Mapping[str, User]) -> None:
    """Print a row for each page: the superuser's time, and those of the others as multiples of it."""
    from django.test import Client

    show(f"machine: {machine()}; load {load()}")
    clients: dict[str, Client] = {}
    for name, user in people.items():
        clients[name] = Client()
        clients[name].force_login(user)
    others = [name for name in people if name != FEW]
    show(f"\n| page | {FEW} | queries | {' | '.join(others)} |\n|---|--:|--:|{'--:|' * len(others)}")
    for address in pages():
        first = clients[FEW].get(address)
        assert first.status_code == 200, address
        cells = []
        alone: list[float] = []
        for name in others:
            status = clients[name].get(address).status_code
            if status != 200:
                cells.append(str(status))
                continue
            mine, theirs = [], []
            for _ in range(ROUNDS):
                mine.append(cost(mariadb, clients[FEW], address))
                theirs.append(cost(mariadb, clients[name], address))
            alone += mine
            cells.append(f"{sum(theirs) / sum(mine):.2f} ({queries(clients[name], address)})")
        shown = f"{statistics.mean(alone):.0f} ms | {queries(clients[FEW], address)}"
        show(f"| `{address}` | {shown} | {' | '.join(cells)} |")


def cost(mariadb: MariaDB, client: Client, address: str) -> float:
    """Return the CPU time of a request in milliseconds."""
    begun = busy(mariadb)
    client.get(address)
    return 1000 * (busy(mariadb) - begun)


def queries(client: Client, address: str) -> int:
    """Return the number of queries of a request."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as seen:
        client.get(address)
    return len(seen)


if __name__ == "__main__":
    sys.exit(main())
