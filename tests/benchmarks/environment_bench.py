"""The environment's page with 200 instances, and the list of 50: server time, bytes and queries.

`make bench-environment`. On SQLite, in this process, through every middleware. Prints the median of the
rounds, the slowest round and the CPU time, which is the only comparable figure on a busy machine. The limits
of a page are 300 ms, and 150 kB compressed.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROUNDS = 15
LIMIT_MS, LIMIT_BYTES = 300, 150_000


def main() -> int:
    """Measure and print. Return 1 if a page exceeds its limits."""
    folder = Path(tempfile.mkdtemp(prefix="sanso-bench-"))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SANSO_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/sanso",
        "ALLOWED_HOSTS": "testserver",
        "DEBUG": "false",
    }
    try:
        return measure_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_all() -> int:
    """Build the rows and request each page."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse

    from tests.builders import make_user
    from tests.health_builders import make_metrics, make_past, make_whole, run_failed, unwell

    call_command("migrate", verbosity=0)
    user = make_user("ana", is_superuser=True)
    big = make_whole("big", servers=100, owner=user)
    make_past(big, ("app", timedelta(hours=9), timedelta(minutes=30)))
    for number in range(5):
        unwell(big, number=2 * number)
    run_failed(big)
    make_metrics(big, *((minutes, 20 + minutes % 7, 4, 17.4) for minutes in range(0, 180, 5)))
    for number in range(49):
        make_past(make_whole(f"environment-{number}", owner=user))
    client = Client()
    client.force_login(user)
    page = reverse("environment", args=[big.pk])
    report(f"{'':42}{'median':>9}{'slowest':>9}{'CPU':>9}{'bytes':>10}{'gzip':>9}{'queries':>9}")
    over = [
        measure(client, "200 instances, the page", page),
        measure(client, "200 instances, tab of servers", f"{page}servers"),
        measure(client, "200 instances, every row", f"{page}servers?all=1"),
        measure(client, "200 instances, what is refreshed", page, live=True),
        measure(client, "tab of the database, 3 h of metrics", f"{page}database"),
        measure(
            client, "its past, refreshed", reverse("environment_health_history", args=[big.pk]), live=True
        ),
        measure(client, "list of 50 environments", reverse("environments")),
    ]
    return int(any(over))


def measure(client: object, name: str, path: str, *, live: bool = False) -> bool:
    """Print the figures of one page. Return whether it exceeds a limit."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    assert isinstance(client, Client)
    headers = {"Accept-Encoding": "gzip"} | ({"HX-Request": "true"} if live else {})
    client.get(path, headers=headers)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path, headers=headers)
    count = len(queries)
    assert answer.status_code == 200, answer
    body = answer.content
    plain = gzip.decompress(body) if answer.get("Content-Encoding") == "gzip" else body
    times: list[float] = []
    work: list[float] = []
    for _ in range(ROUNDS):
        start, worked = time.perf_counter(), time.process_time()
        client.get(path, headers=headers)
        times.append(1000 * (time.perf_counter() - start))
        work.append(1000 * (time.process_time() - worked))
    sent = body if body is not plain else gzip.compress(plain)
    median = statistics.median(times)
    took = f"{median:6.0f} ms{max(times):6.0f} ms{statistics.median(work):6.0f} ms"
    report(f"{name:42}{took}{len(plain):10}{len(sent):9}{count:9}")
    return median > LIMIT_MS or len(sent) > LIMIT_BYTES


def report(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
