"""`kill -9` of the worker around the calls of a second database: restored, in use, the first one deleted."""

from __future__ import annotations

import uuid
from itertools import cycle, islice
from typing import Any

import pytest

from deployments.changes.commands.databases import request_databases
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.template_sets.template_files.restored_data import DatabaseChange, RestoredData
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    replace_worker,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_change import applied, apply_shown, display_name, operator
from tests.chaos.test_kill_worker import (
    IS_WHOLE,
    SAMPLE,
    SERVICES,
    mark_deleted,
    points_of,
    sampled,
    stop_observing,
)
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]
ENGINE = "aurora-postgresql"
"""An engine whose databases are only records in the sandbox: the walk is about the calls."""
KEPT = "sanso-kept"
INSTANCE = f"Engine: {ENGINE}, DBInstanceClass: db.t4g.medium"
CLUSTER = f"Engine: {ENGINE}, ManageMasterUserPassword: true, DBSubnetGroupName: !Ref Subnets"
ROOT = f"""
Parameters:
  Bucket: {{Type: String}}
  Prefix: {{Type: String}}
  Databases: {{Type: String, Default: A}}
  InUse: {{Type: String, Default: A}}
  Unprotected: {{Type: String, Default: none}}
  WithoutInstances: {{Type: String, Default: none}}
  Data: {{Type: String, Default: ""}}
  Cluster: {{Type: String, Default: ""}}
  Time: {{Type: String, Default: ""}}
Conditions:
  HasA: !Not [!Equals [!Ref Databases, B]]
  HasB: !Not [!Equals [!Ref Databases, A]]
  HasInstanceA: !And [!Condition HasA, !Not [!Equals [!Ref WithoutInstances, A]]]
  HasInstanceB: !And [!Condition HasB, !Not [!Equals [!Ref WithoutInstances, B]]]
  IsUnprotectedA: !Equals [!Ref Unprotected, A]
  IsUnprotectedB: !Equals [!Ref Unprotected, B]
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
  ClusterA:
    Type: AWS::RDS::DBCluster
    Condition: HasA
    DeletionPolicy: Snapshot
    Properties: {{{CLUSTER}, MasterUsername: root, DeletionProtection: !If [IsUnprotectedA, false, true]}}
  InstanceA:
    Type: AWS::RDS::DBInstance
    Condition: HasInstanceA
    Properties: {{{INSTANCE}, DBClusterIdentifier: !Ref ClusterA}}
  ClusterB:
    Type: AWS::RDS::DBCluster
    Condition: HasB
    DeletionPolicy: Snapshot
    Properties:
      {{{CLUSTER}, SnapshotIdentifier: !Ref Data, DeletionProtection: !If [IsUnprotectedB, false, true]}}
  InstanceB:
    Type: AWS::RDS::DBInstance
    Condition: HasInstanceB
    Properties: {{{INSTANCE}, DBClusterIdentifier: !Ref ClusterB}}
  Used: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Ref InUse}}}}
Outputs:
  Used: {{Value: !Ref Used}}
"""
MANIFEST = (
    "second_database: {databases: Databases, in_use: InUse, unprotected: Unprotected, "
    "without_instances: WithoutInstances, snapshot: Data, cluster: Cluster, time: Time}\n"
)
CHANGES = (
    DatabaseChange(restore=RestoredData(snapshot=KEPT)),
    DatabaseChange(switch_to="B"),
    DatabaseChange(delete="A"),
    DatabaseChange(delete="A"),
)
AFTER: tuple[tuple[str, list[int], list[bool]], ...] = (
    ("A", [1, 1], [False, True]),
    ("B", [1, 1], [True, True]),
    ("B", [0, 1], [False, True]),
    ("B", [1], [True]),
)
"""After each change: the database in use, the numbers of instances, and which clusters are protected."""


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "template-set.yaml": MANIFEST}


def take_snapshot(account: Account, sandbox: Sandbox) -> None:
    """Take a snapshot of the only cluster of an account."""
    rds = client(account, "rds", sandbox)
    (cluster,) = rds.describe_db_clusters()["DBClusters"]
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=cluster["DBClusterIdentifier"], DBClusterSnapshotIdentifier=KEPT
    )

    def is_available() -> bool:
        (row,) = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=KEPT)["DBClusterSnapshots"]
        return bool(row["Status"] == "available")

    wait_until(is_available, what="the snapshot")


def requested(environment: Environment, wanted: DatabaseChange) -> Deployment:
    return request_databases(
        user=operator(),
        environment=Environment.objects.for_page().get(pk=environment.pk),
        wanted=wanted,
        reason="",
        request_key=uuid.uuid4(),
    )


def assert_databases(number: int, deployment: Deployment, sandbox: Sandbox) -> None:
    """Assert that exactly one change of CHANGES was made after those before it."""
    used, instances, protected = AFTER[number]
    assert display_name(deployment, "Used", sandbox) == used
    rds: Any = client(deployment.environment.account, "rds", sandbox)
    rows = rds.describe_db_clusters()["DBClusters"]
    assert sorted(len(row["DBClusterMembers"]) for row in rows) == instances
    assert sorted(row["DeletionProtection"] for row in rows) == protected
    snapshots = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    assert len(snapshots) == (2 if len(rows) == 1 else 1)  # the final one


def test_each_change_of_two_databases_survives_the_death_of_its_worker(
    portal: Portal, sandbox: Sandbox
) -> None:
    first = unobserved_account()
    (control,) = portal.wait_for_end(portal.deploy(account=first))
    assert control.state == State.SUCCEEDED, reason(control)
    take_snapshot(first, sandbox)
    walks: list[list[Point]] = []
    for number, wanted in enumerate(CHANGES):
        stop_observing(control)
        before = len(calls_of(sandbox, first))
        (ended,) = applied(portal, requested(control.environment, wanted))
        assert ended.state == State.SUCCEEDED, (wanted, reason(ended))
        assert_databases(number, ended, sandbox)
        calls = [one for one in calls_of(sandbox, first, since=before) if one["service"] in SERVICES]
        points = points_of(calls)
        assert {"CreateChangeSet", "ExecuteChangeSet"} <= {action for _, action, _, _ in points}
        walks.append(sampled(points))

    size = max(map(len, walks)) if IS_WHOLE else SAMPLE
    accounts = [unobserved_account() for _ in range(size)]
    made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
    assert {one.state for one in made} == {State.SUCCEEDED}
    for account in accounts:
        take_snapshot(account, sandbox)
    for number, (wanted, walk) in enumerate(zip(CHANGES, walks, strict=True)):
        stop_observing(*made)
        points = list(islice(cycle(walk), size))
        for account, point in zip(accounts, points, strict=True):
            hold_call(portal, account, point)
        changes = [requested(one.environment, wanted) for one in made]
        held = {account.sandbox_account_id for account in accounts}

        def are_held(held: set[str] = held, changes: list[Deployment] = changes) -> bool:
            apply_shown(changes)
            return held <= {request["account"] for request in portal.held()}

        wait_until(are_held, seconds=120, what="a held call of every account")
        replace_worker(portal)

        for point, ended in zip(points, applied(portal, *changes), strict=True):
            assert ended.state == State.SUCCEEDED, (wanted, point, reason(ended))
            assert ended.revision == 0, (wanted, point)
            assert root_stacks(ended, sandbox) == ["UPDATE_COMPLETE"], (wanted, point)
            assert_databases(number, ended, sandbox)
            assert_complete_log(ended, sandbox)
    mark_deleted(*made)
