"""`kill -9` of the worker around the calls of creations with restored data: a snapshot, a point in time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from deployments.environments.models.accounts import Account
from deployments.environments.rules.phases import State
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_worker import mark_deleted, points_of, sampled
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
SOURCE, KEPT = "sanso-source", "sanso-kept"
ENGINE = "aurora-postgresql"
"""An engine whose databases are only records in the sandbox: the walk is about the calls."""
ROOT = f"""
Parameters:
  Bucket: {{Type: String}}
  Prefix: {{Type: String}}
  Data: {{Type: String, Default: ""}}
  Cluster: {{Type: String, Default: ""}}
  Time: {{Type: String, Default: ""}}
Conditions:
  IsOfCluster: !Not [!Equals [!Ref Cluster, ""]]
Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Select [0, !GetAZs ""]}}
  SubnetC:
    Type: AWS::EC2::Subnet
    Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: !Select [1, !GetAZs ""]}}
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {{DBSubnetGroupDescription: both, SubnetIds: [!Ref SubnetA, !Ref SubnetC]}}
  Restored:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: {ENGINE}
      ManageMasterUserPassword: true
      DBSubnetGroupName: !Ref Subnets
      SnapshotIdentifier: !If [IsOfCluster, !Ref AWS::NoValue, !Ref Data]
      SourceDBClusterIdentifier: !If [IsOfCluster, !Ref Cluster, !Ref AWS::NoValue]
      RestoreToTime: !If [IsOfCluster, !Ref Time, !Ref AWS::NoValue]
"""
MANIFEST = "snapshot_parameter: Data\npoint_in_time_parameters: {cluster: Cluster, time: Time}\n"


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "template-set.yaml": MANIFEST}


def of_snapshot(account: Account, sandbox: Sandbox) -> dict[str, str]:
    """Return the parameters with the snapshot of a cluster in the account."""
    rds = _with_cluster(account, sandbox)
    rds.create_db_cluster_snapshot(DBClusterIdentifier=SOURCE, DBClusterSnapshotIdentifier=KEPT)

    def is_available() -> bool:
        (row,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=KEPT)["DBClusterSnapshots"]
        return bool(row["Status"] == "available")

    wait_until(is_available, what="the snapshot")
    return {"Data": KEPT}


def of_second(account: Account, sandbox: Sandbox) -> dict[str, str]:
    """Return the parameters with a cluster in the account and a second to which it can be restored."""
    rds = _with_cluster(account, sandbox)

    def times() -> tuple[datetime, datetime]:
        (row,) = rds.describe_db_clusters(DBClusterIdentifier=SOURCE)["DBClusters"]
        return row["EarliestRestorableTime"], row["LatestRestorableTime"]

    second = times()[0].replace(microsecond=0) + timedelta(seconds=1)
    wait_until(lambda: times()[1] > second, what="a later restorable time")
    return {"Cluster": SOURCE, "Time": f"{second:%Y-%m-%dT%H:%M:%SZ}"}


def _with_cluster(account: Account, sandbox: Sandbox) -> Any:
    rds = client(account, "rds", sandbox)
    rds.create_db_cluster(
        DBClusterIdentifier=SOURCE, Engine=ENGINE, MasterUsername="root", MasterUserPassword="not-a-secret"
    )
    return rds


@pytest.mark.parametrize("data", [of_snapshot, of_second])
def test_a_creation_with_data_survives_the_death_of_its_worker(
    portal: Portal, sandbox: Sandbox, data: Any
) -> None:
    first = unobserved_account()
    values = data(first, sandbox)
    before = len(calls_of(sandbox, first))
    (control,) = portal.wait_for_end(portal.deploy(account=first, **values))
    assert control.state == State.SUCCEEDED, reason(control)
    calls = calls_of(sandbox, first, since=before)
    points: list[Point] = [
        ("rds", action, 0, when)
        for action in sorted({one["action"] for one in calls if one["service"] == "rds"})
        for when in ("hold_before", "hold_after")
    ]
    assert points
    points += sampled(points_of([one for one in calls if one["service"] != "rds"]))

    accounts = [unobserved_account() for _ in points]
    given = [data(one, sandbox) for one in accounts]
    for account, point in zip(accounts, points, strict=True):
        hold_call(portal, account, point)
    deployments = [
        portal.deploy(account=account, **one) for account, one in zip(accounts, given, strict=True)
    ]
    kill_worker_when_all_calls_are_held(portal, accounts)

    for point, ended in zip(points, portal.wait_for_end(*deployments), strict=True):
        assert ended.state == State.SUCCEEDED, (point, reason(ended))
        assert root_stacks(ended, sandbox) == ["CREATE_COMPLETE"], point
        clusters = client(ended.environment.account, "rds", sandbox).describe_db_clusters()["DBClusters"]
        assert len(clusters) == 2, point
        assert_complete_log(ended, sandbox)
    mark_deleted(*deployments)
