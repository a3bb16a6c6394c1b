"""A deleted environment is created again under another name with the times that were saved in it.

Later changes, and the upgrade of an environment from before the parameter, do not replace the database.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployments.template_sets import template_files
from sandbox_tests.engine.test_change_sets import done
from tests.sandbox.engine.test_infra_templates import CAPABILITIES, apply, failures, parameters, upload
from tests.sandbox.machines.conftest import TEMPLATES, Site, deployed, start
from tests.services import REPOSITORY, Sandbox, wait_until

BEFORE = Path(__file__).with_name("before_restore.tar.gz")
"""The templates of the last version without the parameter DatabaseSnapshot."""
NEWER = "sets/newer"
INSTANCES = dict.fromkeys(("DatabaseInstanceA", "DatabaseInstanceB"), "Modify Conditional")
"""Their cluster's id is an output of a nested stack that changes, so AWS does not say that it stays."""
KEPT = {"DbCluster": "Modify False"} | INSTANCES
"""The preview of a change that keeps the database: it is not replaced, and no other cluster is added."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with MariaDB whose machines are processes."""
    found = start(tmp_path / "sandbox", "mariadb")
    yield found
    found.stop()


@pytest.fixture
def templates_before(tmp_path: Path) -> Path:
    """Return a folder with these templates and the current playbook, application and functions."""
    with tarfile.open(BEFORE) as archive:
        archive.extractall(tmp_path, filter="data")
    for folder in ("playbook", "datelog", "infra_templates/functions"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    return tmp_path / "infra_templates"


def saved(site: Site) -> str:
    """Save a time with datelog, and return it."""
    return site.get("write").removeprefix("Saved: ").strip()


def preview(site: Site, **request: Any) -> dict[str, str]:
    """Return what a change does with each cluster and instance: its action, and whether it is replaced."""
    made = site.account.cloudformation.create_change_set(
        StackName=site.root,
        ChangeSetName=f"preview-{len(request)}",
        ChangeSetType="UPDATE",
        IncludeNestedStacks=True,
        Capabilities=CAPABILITIES,
        **request,
    )
    found: dict[str, str] = {}

    def read(change_set: str) -> None:
        for change in done(site.account, change_set).get("Changes", ()):
            row = change["ResourceChange"]
            if row["ResourceType"] in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance"):
                found[row["LogicalResourceId"]] = f"{row['Action']} {row.get('Replacement', '')}".strip()
            if row.get("ChangeSetId"):
                read(row["ChangeSetId"])

    read(made["Id"])
    return found


def cluster_of(site: Site) -> str:
    return site.account.outputs(site.root)["DatabaseClusterId"]


def instances_of(site: Site) -> list[tuple[str, str]]:
    """Return (cluster, instance) of each instance."""
    rows = site.account.client("rds").describe_db_instances()["DBInstances"]
    return sorted((row["DBClusterIdentifier"], row["DbiResourceId"]) for row in rows)


def test_an_environment_is_created_again_with_its_data_and_later_changes_keep_it(sandbox: Sandbox) -> None:
    first = deployed(sandbox, FinalSnapshot="true")
    times = [saved(first) for _ in range(3)]
    wait_until(lambda: json.loads(first.get("read")) == times, what="the saved times in the list")
    account = first.account
    account.cloudformation.delete_stack(StackName=first.root)
    assert account.settled(first.root) == "DELETE_COMPLETE", failures(account)
    (final,) = account.client("rds").describe_db_cluster_snapshots(SnapshotType="manual")[
        "DBClusterSnapshots"
    ]
    name = final["DBClusterSnapshotIdentifier"]

    values = {p.name: p.new_environment for p in template_files.load(TEMPLATES).parameters.values()}
    given = {key: value for key, value in values.items() if value is not None}
    root = apply(
        account,
        "again",
        "CREATE",
        TemplateURL=upload(account, TEMPLATES),
        Parameters=parameters(account, **given, FinalSnapshot="true", DatabaseSnapshot=name),
    )

    assert account.status(root) == "CREATE_COMPLETE", failures(account)
    again = Site(account, root, account.outputs(root))
    wait_until(again.is_whole, what="healthy targets in both tiers")
    assert json.loads(again.get("read")) == times
    times.append(saved(again))
    wait_until(lambda: json.loads(again.get("read")) == times, what="the new time in the list")

    account.client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    cluster = cluster_of(again)
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in values if key != "BackupRetentionDays"]
    kept += [{"ParameterKey": key, "UsePreviousValue": True} for key in ("ArtifactBucket", "ArtifactPrefix")]
    kept.append({"ParameterKey": "BackupRetentionDays", "ParameterValue": "9"})
    assert preview(again, UsePreviousTemplate=True, Parameters=kept) == KEPT
    apply(account, root, "UPDATE", UsePreviousTemplate=True, Parameters=kept)
    assert account.status(root) == "UPDATE_COMPLETE", failures(account)
    assert cluster_of(again) == cluster
    assert json.loads(again.get("read")) == times


def test_an_environment_from_before_the_parameter_keeps_its_database(
    sandbox: Sandbox, templates_before: Path
) -> None:
    site = deployed(sandbox, templates_before, FinalSnapshot="true")
    times = [saved(site)]
    cluster, instances = cluster_of(site), instances_of(site)
    kept: list[dict[str, Any]] = [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in (*template_files.load(templates_before).parameters, "ArtifactBucket")
    ]
    kept.append({"ParameterKey": "ArtifactPrefix", "ParameterValue": NEWER})
    newer = upload(site.account, TEMPLATES, NEWER)

    assert preview(site, TemplateURL=newer, Parameters=kept) == KEPT
    apply(site.account, site.root, "UPDATE", TemplateURL=newer, Parameters=kept)

    assert site.account.status(site.root) == "UPDATE_COMPLETE", failures(site.account)
    assert (cluster_of(site), instances_of(site)) == (cluster, instances)
    wait_until(lambda: json.loads(site.get("read")) == times, what="the saved time in the list")
