"""A second environment gets the times that datelog had acknowledged before a second, and none sent later."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.template_sets import template_files
from tests.sandbox.engine.test_infra_templates import apply, failures, parameters, upload
from tests.sandbox.machines.conftest import TEMPLATES, Site, deployed, start
from tests.sandbox.machines.test_restored_site import cluster_of, saved
from tests.services import Sandbox, wait_until


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with MariaDB whose machines are processes."""
    found = start(tmp_path / "sandbox", "mariadb")
    yield found
    found.stop()


class Visitor:
    """Saves times one after the other through the site, and keeps each with when it was sent and answered."""

    def __init__(self, site: Site) -> None:
        self.saved: list[tuple[str, float, float]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._save, args=(site,))
        self._thread.start()

    def _save(self, site: Site) -> None:
        while not self._ended.is_set():
            sent = time.time()
            self.saved.append((saved(site), sent, time.time()))

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def answered_before(self, second: float) -> set[str]:
        return {text for text, _sent, answered in self.saved if answered < second}

    def sent_before(self, second: float) -> set[str]:
        return {text for text, sent, _answered in self.saved if sent < second}


def test_an_environment_has_what_another_one_had_at_a_second(sandbox: Sandbox) -> None:
    first = deployed(sandbox)
    visitors = [Visitor(first) for _ in range(3)]
    try:
        wait_until(lambda: all(len(one.saved) > 10 for one in visitors), what="some saved times")
        second = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
        at = second.timestamp()
        wait_until(lambda: all(one.saved[-1][1] > at + 1 for one in visitors), what="later times")
    finally:
        for one in visitors:
            one.end()
    account, cluster = first.account, cluster_of(first)

    def latest() -> datetime:
        (row,) = account.client("rds").describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"]
        found: datetime = row["LatestRestorableTime"]
        return found

    wait_until(lambda: latest() > second, what="a later restorable time")
    declared = template_files.load(TEMPLATES).parameters.values()
    given = {one.name: one.new_environment for one in declared if one.new_environment is not None}
    given |= {"DatabaseRestoreCluster": cluster, "DatabaseRestoreTime": f"{second:%Y-%m-%dT%H:%M:%SZ}"}
    root = apply(
        account,
        "again",
        "CREATE",
        TemplateURL=upload(account, TEMPLATES),
        Parameters=parameters(account, **given),
    )

    assert account.status(root) == "CREATE_COMPLETE", failures(account)
    again = Site(account, root, account.outputs(root))
    wait_until(again.is_whole, what="healthy targets in both tiers")
    found = set(json.loads(again.get("read")))
    for one in visitors:
        assert one.answered_before(at) <= found
    assert found <= set[str]().union(*(one.sent_before(at) for one in visitors))
    assert found < set(json.loads(first.get("read")))
    assert saved(again) not in found
