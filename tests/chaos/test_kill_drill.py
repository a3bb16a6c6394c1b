"""`kill -9` of the worker around the calls of restore drills: the result is the same, and no copy remains."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.restore_drills.models import FINISHED, RestoreDrill
from deployments.restore_drills.shared.beginning import begin_drill
from tests.chaos.conftest import (
    Point,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    unobserved_account,
)
from tests.chaos.test_kill_worker import mark_deleted, stop_observing
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import LIMIT, Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
ENGINE = "aurora-postgresql"
"""An engine whose databases are only records in the sandbox: the walk is about the calls."""
ROOT = f"""
Parameters:
  Bucket: {{Type: String}}
  Prefix: {{Type: String}}
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
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: {ENGINE}
      MasterUsername: root
      ManageMasterUserPassword: true
      DBSubnetGroupName: !Ref Subnets
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {{DBClusterIdentifier: !Ref Cluster, Engine: {ENGINE}, DBInstanceClass: db.t4g.medium}}
Outputs:
  Cluster: {{Value: !Ref Cluster}}
"""
CHANGES = ("CreateChangeSet", "ExecuteChangeSet", "DeleteStack")
READS = [("rds", "DescribeDBClusters"), ("cloudformation", "DescribeStacks")]
POINTS: list[Point] = [
    *(("cloudformation", action, 0, when) for action in CHANGES for when in ("hold_before", "hold_after")),
    *((service, action, 0, "hold_after") for service, action in READS),
]


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT}


def restorable(deployment: Deployment, sandbox: Sandbox) -> Environment:
    """Return an environment that was created, once its database can be restored to a time."""
    environment = Environment.objects.select_related("account").get(pk=deployment.environment_id)

    def is_restorable() -> bool:
        (row,) = clusters(environment, sandbox)
        return bool((row["LatestRestorableTime"] - row["EarliestRestorableTime"]).total_seconds() > 2)

    wait_until(is_restorable, what="a restorable time")
    return environment


def clusters(environment: Environment, sandbox: Sandbox) -> list[dict[str, Any]]:
    rds = client(environment.account, "rds", sandbox)
    found: list[dict[str, Any]] = rds.describe_db_clusters()["DBClusters"]
    return found


def stacks_of(drill: RestoreDrill, sandbox: Sandbox) -> list[str]:
    """Return the statuses of all stacks that a drill has had."""
    cloudformation = client(drill.environment.account, "cloudformation", sandbox)
    pages = cloudformation.get_paginator("list_stacks").paginate()
    rows = [row for page in pages for row in page["StackSummaries"]]
    return [row["StackStatus"] for row in rows if row["StackName"] == drill.stack_name]


def is_over(drill: RestoreDrill) -> bool:
    return RestoreDrill.objects.get(pk=drill.pk).state == FINISHED


def begun(environment: Environment) -> RestoreDrill:
    """Begin a drill of the environment's database, as its request does."""
    cluster = str(environment.outputs["Cluster"])
    return begin_drill(environment, cluster, user=environment.owner, now=timezone.now())


def test_a_drill_survives_the_death_of_its_worker(portal: Portal, sandbox: Sandbox) -> None:
    accounts = [unobserved_account() for _ in (*POINTS, None)]
    deployments = portal.wait_for_end(*[portal.deploy(account=one) for one in accounts], seconds=3 * LIMIT)
    assert [one.state for one in deployments] == [State.SUCCEEDED] * len(accounts), [
        reason(one) for one in deployments
    ]
    stop_observing(*deployments)
    *environments, control = [restorable(one, sandbox) for one in deployments]
    before = len(calls_of(sandbox, control.account))
    first = begun(control)
    wait_until(lambda: is_over(first), what="the end of a drill", seconds=2 * LIMIT)
    made = {(call["service"], call["action"]) for call in calls_of(sandbox, control.account, since=before)}
    assert {(service, action) for service, action, _skip, _when in POINTS} <= made

    for environment, point in zip(environments, POINTS, strict=True):
        hold_call(portal, environment.account, point)
    drills = [begun(one) for one in environments]
    kill_worker_when_all_calls_are_held(portal, [one.account for one in environments])

    for point, drill in zip(POINTS, drills, strict=True):
        wait_until(lambda drill=drill: is_over(drill), what="the end of a drill", seconds=2 * LIMIT)  # type: ignore[misc]  # a lambda in a loop
        ended = RestoreDrill.objects.select_related("environment__account").get(pk=drill.pk)
        assert ended.result == "passed", (point, stored_text(ended.sentence))
        assert stacks_of(ended, sandbox) == ["DELETE_COMPLETE"], point
        assert len(clusters(ended.environment, sandbox)) == 1, point
        assert RestoreDrill.objects.of(ended.environment).count() == 1, point
    mark_deleted(*deployments)
