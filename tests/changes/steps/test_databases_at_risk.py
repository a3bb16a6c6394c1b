"""Facts about the data that a change deletes, as looked up in AWS."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.aws.account_ref import AccountRef
from deployments.aws.cloudwatch import ClusterUse
from deployments.aws.rds import Cluster, Member
from deployments.aws.rds_backups import CLUSTER_SNAPSHOT, Backup
from deployments.changes.rules.databases_at_risk import DatabaseAtRisk, in_words
from deployments.changes.steps.predictions import gather_facts
from deployments.cloudformation.changes import ChangedResource, Changes
from deployments.common.errors import AwsRetryable
from tests.builders import START
from tests.fakes import FakeAws

AGES = ((timedelta(days=3), "manual"), (timedelta(days=2), "manual"), (timedelta(days=1), "automated"))
CHANGES = Changes(
    resources=(
        ChangedResource(
            path="Aurora/DbCluster",
            action="replace",
            type="AWS::RDS::DBCluster",
            physical_id="shop-db",
            data="database",
            effect="deletes_data",
        ),
        ChangedResource(path="Topic", action="replace", type="AWS::SNS::Topic", physical_id="arn"),
    )
)


@pytest.fixture
def aws() -> FakeAws:
    """An account with a cluster that has two manual snapshots and an automated one."""
    found = FakeAws()
    found.db_clusters["shop-db"] = Cluster(
        cluster_id="shop-db",
        status="available",
        engine_version="8.0.mysql_aurora.3.08.2",
        members=(Member(instance_id="a", is_writer=True), Member(instance_id="b", is_writer=False)),
        deletion_protection=True,
    )
    found.backups["shop-db"] = [
        Backup(type=CLUSTER_SNAPSHOT, id=f"s{age.days}", arn="", kind=kind, created_at=START - age)
        for age, kind in AGES
    ]
    found.cluster_uses["shop-db"] = ClusterUse(size=3.2 * 1024**3, connections=12.0)
    return found


def facts(aws: FakeAws) -> DatabaseAtRisk | None:
    stored = gather_facts(CHANGES, aws(AccountRef(region="ap-northeast-1")), START)
    return DatabaseAtRisk.from_json(stored.get("Aurora/DbCluster"))


def test_a_cluster_is_described_with_what_outlives_it(aws: FakeAws) -> None:
    found = facts(aws)
    assert found is not None
    assert (found.instances, found.is_protected, found.connections) == (2, True, 12.0)
    assert (found.snapshots, found.newest_snapshot) == (2, START - timedelta(days=2))
    assert (found.size_in_words, found.observed_at) == ("3.2 GiB", START)


@pytest.mark.parametrize(
    ("operation", "name"),
    [("cloudwatch:GetMetricData", "size"), ("rds:DescribeDBClusterSnapshots", "snapshots")],
)
def test_facts_that_aws_does_not_return_are_left_out(aws: FakeAws, operation: str, name: str) -> None:
    aws.fail(operation, AwsRetryable("Throttling", "Rate exceeded", operation))
    found = facts(aws)
    assert found is not None
    assert getattr(found, name) is None


def test_nothing_is_claimed_of_a_cluster_that_is_not_found(aws: FakeAws) -> None:
    aws.db_clusters.clear()
    assert facts(aws) is None


def test_no_hazard_costs_no_call(aws: FakeAws) -> None:
    gather_facts(Changes(resources=CHANGES.resources[1:]), aws(AccountRef(region="ap-northeast-1")), START)
    assert not [call for call in aws.calls if call.startswith(("rds:", "cloudwatch:"))]


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (250 * 1024**4, "250 TiB")],
)
def test_sizes_have_a_unit(size: float, words: str) -> None:
    assert " ".join(in_words(size)) == words
