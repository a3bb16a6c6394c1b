"""`/metrics` with 20,000 deployments, and as a ratio to 200: server time and queries. `make bench-metrics`.

On MariaDB and on SQLite, in this process, through every middleware. The database is temporary.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import django

from tests.benchmarks.machine import load, machine
from tests.mariadb import MariaDB, start_mariadb
from tests.services import Redis, start_redis

if TYPE_CHECKING:
    from django.test import Client

FEW, MANY = 200, 20_000
ENVIRONMENTS = 1_000
ROUNDS = 5
LIMIT_MS = 200
TOKEN = "a-token-of-thirty-two-characters"
STATES = ("succeeded", "succeeded", "succeeded", "failed", "rolled_back")


def main() -> int:
    """Measure one database, and print its row. Return 1 if it exceeds the limit."""
    vendor = sys.argv[1] if len(sys.argv) > 1 else "mariadb"
    with tempfile.TemporaryDirectory() as folder:
        return measured(vendor, Path(folder))


def measured(vendor: str, folder: Path) -> int:
    """Start the services, fill the database, and measure it with few and with many deployments."""
    from tests.conftest import choose_environment

    choose_environment(vendor)
    os.environ |= {"SANSO_DATA_DIR": str(folder / "data"), "SANSO_METRICS_TOKEN": TOKEN}
    if vendor == "sqlite":
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/db.sqlite3"
    servers: list[MariaDB | Redis] = [
        start_redis(folder / "redis", port=urlsplit(os.environ["REDIS_URL"]).port)
    ]
    if vendor == "mariadb":
        servers.append(start_mariadb(folder / "mariadb", port=urlsplit(os.environ["DATABASE_URL"]).port))
    try:
        django.setup()
        return _measured(vendor)
    finally:
        for server in servers:
            server.stop()


def _measured(vendor: str) -> int:
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    client = Client(headers={"authorization": f"Bearer {TOKEN}"})
    fill(FEW)
    few = median_ms(client)
    fill(MANY - FEW)
    many = median_ms(client)
    print(f"{machine()}; load {load()}")  # noqa: T201
    print(f"| {vendor} | {few:.0f} ms | {many:.0f} ms | {many / few:.1f} |")  # noqa: T201
    if os.environ.get("SHOW_SQL"):
        show_queries(client)
    return int(many > LIMIT_MS)


def fill(number: int) -> None:
    """Add ended deployments, of which a fifth are the creations of their environments."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.utils import timezone

    from deployments.environments.models.accounts import Account
    from deployments.environments.models.deployments import Deployment
    from deployments.environments.models.environments import Environment

    now = timezone.now()
    owner, _ = get_user_model().objects.get_or_create(username="bench")
    account, _ = Account.objects.get_or_create(name="bench", defaults={"region": "ap-northeast-1"})
    there = Environment.objects.count()
    Environment.objects.bulk_create(
        [
            Environment(name=f"e{there + n}", account=account, owner=owner)
            for n in range(min(number, ENVIRONMENTS))
        ],
        batch_size=500,
    )
    keys = list(Environment.objects.values_list("pk", flat=True))
    Deployment.objects.bulk_create(
        [
            Deployment(
                environment_id=keys[n % len(keys)],
                requested_by=owner,
                kind="create" if n % 5 == 0 else "update",
                state=STATES[n % len(STATES)],
                last_seq=60 + n % 400,
                ready_at=now + timedelta(seconds=n % 2000),
                parameters={f"Parameter{one}": "a value of a usual length" for one in range(40)},
            )
            for n in range(number)
        ],
        batch_size=500,
    )
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE deployments_deployment, deployments_environment")


def median_ms(client: Client) -> float:
    """Return the median duration of some scrapes, after two that do not count."""
    times = []
    for _ in range(ROUNDS + 2):
        begun = time.perf_counter()
        assert client.get("/metrics").status_code == 200
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[2:])


def show_queries(client: Client) -> None:
    """Print the slowest queries of a scrape with their plans."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests.query_plans import plan

    with CaptureQueriesContext(connection) as queries:
        client.get("/metrics")
    for query in sorted(queries.captured_queries, key=lambda one: -float(one["time"]))[:5]:
        print(query["time"], query["sql"][:900], plan(query["sql"]), sep="\n")  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
