"""A second database with what was saved before: beside the one in use, in use, and instead of the first."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.template_sets import template_files
from tests.sandbox.engine.test_infra_templates import apply, failures
from tests.sandbox.machines.conftest import TEMPLATES, Site, deployed, start
from tests.sandbox.machines.site_load import SAVED, SiteLoad, is_saved, saved_times
from tests.sandbox.machines.test_restored_site import INSTANCES, cluster_of, instances_of, preview, saved
from tests.services import Sandbox, wait_until


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with MariaDB whose machines are processes."""
    found = start(tmp_path / "sandbox", "mariadb")
    yield found
    found.stop()


def changed(**values: str) -> list[dict[str, Any]]:
    """Return the parameters of a change of some values."""
    names = {*template_files.load(TEMPLATES).parameters, "ArtifactBucket", "ArtifactPrefix"}
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in sorted(names - values.keys())]
    return [*kept, *({"ParameterKey": key, "ParameterValue": value} for key, value in values.items())]


def restorable(site: Site, second: datetime) -> bool:
    rds = site.account.client("rds")
    (row,) = rds.describe_db_clusters(DBClusterIdentifier=cluster_of(site))["DBClusters"]
    return bool(row["LatestRestorableTime"] > second)


def test_a_second_database_is_restored_beside_the_first_and_used_in_its_place(sandbox: Sandbox) -> None:
    site = deployed(sandbox, DeletionProtection="true", FinalSnapshot="true")
    before = [saved(site) for _ in range(3)]
    second = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    wait_until(lambda: time.time() > second.timestamp(), what="the second")
    after = [*before, saved(site)]
    wait_until(lambda: restorable(site, second), what="a later restorable time")
    first, instances = cluster_of(site), instances_of(site)
    beside = changed(
        Databases="both",
        DatabaseRestoreClusterB=first,
        DatabaseRestoreTimeB=f"{second:%Y-%m-%dT%H:%M:%SZ}",
        UnprotectedDatabase="B",
    )

    assert preview(site, UsePreviousTemplate=True, Parameters=beside) == {
        "DbClusterB": "Add",
        "DatabaseInstanceC": "Add",
        "DatabaseInstanceD": "Add",
        **INSTANCES,
    }
    apply(site.account, site.root, "UPDATE", UsePreviousTemplate=True, Parameters=beside, name="beside")

    assert site.account.status(site.root) == "UPDATE_COMPLETE", failures(site.account)
    assert cluster_of(site) == first
    assert {*instances} < {*instances_of(site)}
    rds = site.account.client("rds")
    rows = {row["DBClusterIdentifier"]: row for row in rds.describe_db_clusters()["DBClusters"]}
    (new,) = rows.keys() - {first}
    assert {name: row["DeletionProtection"] for name, row in rows.items()} == {first: True, new: False}
    assert {name: len(row["DBClusterMembers"]) for name, row in rows.items()} == {first: 2, new: 2}
    assert rows[first]["DBClusterParameterGroup"] != rows[new]["DBClusterParameterGroup"]
    wait_until(lambda: json.loads(site.get("read")) == after, what="all times in the database in use")

    url = site.outputs["SiteUrl"]
    with SiteLoad(url, 50) as load:
        wait_until(load.more(50), what="requests at the first database")
        switch(site, "B")
        wait_until(load.more(50), what="requests at the second database")

    assert cluster_of(site) == new
    assert {row["DeletionProtection"] for row in rds.describe_db_clusters()["DBClusters"]} == {True}
    assert {(one.saves, one.status) for one in load.failed()} <= {
        (True, 503)
    }  # only writes, which were refused
    in_new = saved_times(url)
    switch(site, "A")
    assert cluster_of(site) == first
    in_first = saved_times(url)
    acknowledged = Counter(one.text.removeprefix(SAVED) for one in load.sent if is_saved(one))
    assert acknowledged == in_new - Counter(before) + (in_first - Counter(after))
    last = saved(site)
    wait_until(
        lambda: saved_times(url) == in_first + Counter([last]), what="the last time, beside all others"
    )


def switch(site: Site, slot: str) -> None:
    """Let the servers use another database."""
    update(site, f"switch-{slot.lower()}", ActiveDatabase=slot, UnprotectedDatabase="none")


def test_the_first_database_is_deleted_and_data_is_restored_in_its_place(sandbox: Sandbox) -> None:
    site = deployed(sandbox, DeletionProtection="true", FinalSnapshot="true")
    rds = site.account.client("rds")
    first = cluster_of(site)
    in_first = [saved(site)]
    rds.create_db_cluster_snapshot(DBClusterIdentifier=first, DBClusterSnapshotIdentifier="kept")
    wait_until(lambda: is_available(site, "kept"), what="the snapshot")
    update(site, "beside", Databases="both", DatabaseSnapshotB="kept", UnprotectedDatabase="B")
    switch(site, "B")
    second = cluster_of(site)
    in_second = [*in_first, saved(site)]

    update(site, "emptied", UnprotectedDatabase="A", DatabaseWithoutInstances="A")

    rows = {row["DBClusterIdentifier"]: row for row in rds.describe_db_clusters()["DBClusters"]}
    assert {name: len(row["DBClusterMembers"]) for name, row in rows.items()} == {first: 0, second: 2}
    assert {name: row["DeletionProtection"] for name, row in rows.items()} == {first: False, second: True}

    update(site, "deleted", Databases="B", UnprotectedDatabase="none", DatabaseWithoutInstances="none")

    (left,) = rds.describe_db_clusters()["DBClusters"]
    assert (left["DBClusterIdentifier"], left["DeletionProtection"]) == (second, True)
    manual = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    assert {row["DBClusterIdentifier"] for row in manual} == {first}
    assert len(manual) == 2  # the final one, too
    in_second.append(saved(site))
    wait_until(lambda: json.loads(site.get("read")) == in_second, what="all times in the database in use")

    final = next(name for row in manual if (name := row["DBClusterSnapshotIdentifier"]) != "kept")
    update(site, "again", Databases="both", DatabaseSnapshot=final, UnprotectedDatabase="A")
    assert cluster_of(site) == second
    switch(site, "A")

    assert cluster_of(site) not in (first, second)
    wait_until(lambda: json.loads(site.get("read")) == in_first, what="the times of the final snapshot")


def is_available(site: Site, snapshot: str) -> bool:
    found = site.account.client("rds").describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=snapshot)
    return bool(found["DBClusterSnapshots"][0]["Status"] == "available")


def update(site: Site, name: str, **values: str) -> None:
    """Change some values of the environment."""
    apply(
        site.account, site.root, "UPDATE", UsePreviousTemplate=True, Parameters=changed(**values), name=name
    )
    assert site.account.status(site.root) == "UPDATE_COMPLETE", failures(site.account)
