"""The gateways against the sandbox: load balancers, groups, associations and databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import Any

import pytest

from deployments.aws import session
from deployments.aws.cloudwatch import ClusterMetrics
from deployments.aws.outputs import outputs_of
from deployments.aws.session import Clients
from deployments.common.errors import AwsAccessError, AwsNotFound
from deployments.health.rules.database_metrics import PERIOD, begin_of
from deployments.health.rules.maintenance import newer_minor_versions, support_of
from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import NETWORK, made
from tests.aws.documented_shapes import answer_of, missing
from tests.services import REPOSITORY, Sandbox, account_ref, start_sandbox, wait_until

SERVING = (
    NETWORK.partition("Outputs:")[0]
    + """
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: internal, Subnets: [!Ref SubnetA, !Ref SubnetC]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref Vpc, Protocol: TCP, Port: 9090}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: TCP
      Port: 9090
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Fleet:
    Type: AWS::AutoScaling::AutoScalingGroup
    DependsOn: Listener
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
      MinSize: 2
      MaxSize: 4
      VPCZoneIdentifier: [!Ref SubnetA, !Ref SubnetC]
      TargetGroupARNs: [!Ref Targets]
      Tags: [{Key: "sanso:environment", Value: e-1, PropagateAtLaunch: true}]
  Logs: {Type: AWS::S3::Bucket, Properties: {BucketName: sanso-artifacts-serving}}
  Configure:
    Type: AWS::SSM::Association
    DependsOn: Fleet
    Properties:
      AssociationName: configure
      Name: AWS-RunShellScript
      Parameters: {commands: [echo hello]}
      Targets: [{Key: tag:Server, Values: [App]}]
      OutputLocation: {S3Location: {OutputS3BucketName: !Ref Logs, OutputS3KeyPrefix: logs}}
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: for tests, SubnetIds: [!Ref SubnetA, !Ref SubnetC]}
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      MasterUsername: admin
      ManageMasterUserPassword: true
      DBSubnetGroupName: !Ref Subnets
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
  Reader:
    Type: AWS::RDS::DBInstance
    DependsOn: Writer
    Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster, DBInstanceClass: db.t4g.medium}
Outputs:
  Balancer: {Value: !Ref Balancer}
  Targets: {Value: !Ref Targets}
  Fleet: {Value: !Ref Fleet}
  Configure: {Value: !Ref Configure}
  Cluster: {Value: !Ref Cluster}
"""
)
GONE = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/net/gone/1"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose instances run nothing, since no test here needs what they would serve."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSO_SANDBOX_MACHINES", "records")
        server = start_sandbox(tmp_path_factory.mktemp("records"), database="embedded")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def account(records: Sandbox) -> Account:
    return Account(records, "151515151515")


@pytest.fixture(scope="module")
def stack(account: Account) -> Iterator[str]:
    found = made(account, "serving", SERVING)
    yield found
    account.sandbox.control("POST", "reset", account=account.id)


@pytest.fixture(scope="module")
def outputs(account: Account, stack: str) -> dict[str, str]:
    return account.outputs(stack)


@pytest.fixture(scope="module")
def clients(account: Account) -> Clients:
    return session.connect(account_ref(account.sandbox, account.id))


def test_load_balancers_and_targets(clients: Clients, outputs: dict[str, str]) -> None:
    (balancer,) = clients.elbv2.load_balancers([GONE, outputs["Balancer"]])
    assert (balancer.type, balancer.state) == ("network", "active")
    assert balancer.zones == (f"{REGION}a", f"{REGION}c")
    assert balancer.dns_name

    (group,) = clients.elbv2.target_groups([outputs["Targets"]])
    assert (group.protocol, group.port, group.load_balancer_arns) == ("TCP", 9090, (balancer.arn,))

    def healthy() -> bool:
        targets = clients.elbv2.target_health(group.arn)
        return [target.state for target in targets] == ["healthy", "healthy"]

    wait_until(healthy, what="two healthy targets")
    with pytest.raises(AwsNotFound):
        clients.elbv2.target_health(f"{outputs['Targets']}0")


def test_groups_and_activities(clients: Clients, outputs: dict[str, str]) -> None:
    (group,) = clients.autoscaling.groups([outputs["Fleet"], "gone"])
    assert (group.desired, group.minimum, group.maximum) == (2, 2, 4)
    assert {one.lifecycle for one in group.instances} == {"InService"}
    assert {one.instance_type for one in group.instances} == {"t4g.micro"}
    assert {one.launch_template_version for one in group.instances} == {"1"}

    activities = clients.autoscaling.activities(group.name, 1)
    assert [activity.status for activity in activities] == ["Successful"]
    assert activities[0].description.startswith("Launching a new EC2 instance")
    assert activities[0].ended_at is not None
    with pytest.raises(AwsNotFound):
        clients.autoscaling.activities("gone", 1)


def test_an_association_that_failed_on_one_instance_is_run_again_there_alone(
    account: Account, clients: Clients, outputs: dict[str, str]
) -> None:
    association_id = outputs["Configure"]

    def status() -> str:
        (found,) = clients.ssm.associations([association_id, "gone"])
        return found.status

    wait_until(lambda: status() == "Success", what="the first run")
    (group,) = clients.autoscaling.groups([outputs["Fleet"]])
    bad = group.instances[0].instance_id
    account.sandbox.control("POST", "faults", {"associations": {"configure": [bad]}}, account=account.id)
    clients.ssm.start_associations_once([association_id])
    wait_until(lambda: status() == "Failed", what="a run that fails on one instance")

    (association,) = clients.ssm.associations([association_id])
    assert association.counts == {"Success": 1, "Failed": 1}
    (run,) = clients.ssm.executions(association_id, 1)
    assert run.counts == {"Success": 1, "Failed": 1}
    targets = clients.ssm.execution_targets(
        association_id, run.execution_id, association.output_bucket, association.output_prefix
    )
    (failed,) = [target for target in targets if target.status == "Failed"]
    assert failed.instance_id == bad
    stderr = next(one for one in outputs_of(clients.s3, failed) if one.key.endswith("/stderr"))
    tail = clients.s3.read_tail(failed.output_bucket, stderr.key, 7)
    assert (tail.body, tail.size) == (b"ation.\n", stderr.size)

    account.sandbox.control("POST", "faults", {"associations": {"configure": None}}, account=account.id)
    clients.ssm.start_association_on(association_id, [bad])
    wait_until(lambda: status() == "Success", what="success where it had failed")
    (again,) = clients.ssm.executions(association_id, 1)
    reached = clients.ssm.execution_targets(association_id, again.execution_id)
    assert [target.instance_id for target in reached] == [bad]
    with pytest.raises(AwsNotFound):
        clients.ssm.executions("8dfe3659-4309-493a-8755-0123456789ab", 1)
    # The role may send commands only to instances with an environment's tag, and a deleted one has no tag.
    with pytest.raises(AwsAccessError, match=r"ssm:SendCommand on resource: .*instance/i-00000000000000000"):
        clients.ssm.start_association_on(association_id, ["i-00000000000000000"])


def test_clusters_and_their_instances(clients: Clients, outputs: dict[str, str]) -> None:
    (cluster,) = clients.rds.clusters([outputs["Cluster"], "gone"])
    assert cluster.status == "available"
    assert cluster.engine_version.startswith("8.0.mysql_aurora.3.")
    assert cluster.endpoint
    assert sorted(member.is_writer for member in cluster.members) == [False, True]

    instances = clients.rds.instances([cluster.cluster_id, "gone"])
    assert {row.instance_id for row in instances} == {member.instance_id for member in cluster.members}
    assert {row.status for row in instances} == {"available"}
    assert {row.instance_class for row in instances} == {"db.t4g.medium"}
    assert clients.rds.clusters(["gone"]) == []


def test_connections_and_lag_of_a_cluster_are_read_by_role(clients: Clients, outputs: dict[str, str]) -> None:
    since = begin_of(datetime.now(UTC) - timedelta(hours=1))

    def newest() -> ClusterMetrics | None:
        found = clients.cloudwatch.cluster_metrics([outputs["Cluster"], "gone"], since, PERIOD)
        assert set(found) <= {outputs["Cluster"]}
        return found[outputs["Cluster"]][-1] if found else None

    wait_until(lambda: (one := newest()) is not None and one.replica_lag_ms is not None, what="metrics")
    (latest,) = filter(None, [newest()])
    assert latest.start == begin_of(latest.start)
    assert latest.writer_connections is not None
    assert latest.reader_connections is not None


def test_maintenance_versions_and_support_are_read(
    account: Account, clients: Clients, outputs: dict[str, str]
) -> None:
    (cluster,) = clients.rds.clusters([outputs["Cluster"]])
    account.sandbox.control(
        "POST",
        "databases",
        {"cluster": cluster.cluster_id, "action": "announce_maintenance"},
        account=account.id,
    )

    pending = clients.rds_maintenance.pending_actions()

    assert {(one.kind, one.resource_id) for one in pending} == {
        ("db", member.instance_id) for member in cluster.members
    }
    assert all(one.forced_at and one.applies_at and one.applies_at < one.forced_at for one in pending)
    targets = clients.rds_maintenance.upgrade_targets(cluster.engine, cluster.engine_version)
    assert newer_minor_versions(targets)[-1] > cluster.engine_version
    support = support_of(cluster.engine_version, clients.rds_maintenance.support_of(cluster.engine))
    assert support
    assert support.standard_ends_at
    assert support.standard_ends_at.year == 2028


def test_the_age_of_the_administrators_secret_is_read_and_its_value_is_not(
    account: Account, clients: Clients, outputs: dict[str, str]
) -> None:
    (cluster,) = clients.rds.clusters([outputs["Cluster"]])
    found = account.client("secretsmanager").create_secret(Name="other", SecretString="x")

    age = clients.secrets.age_of(cluster.secret_arn)

    assert age.name.startswith("rds!cluster-")
    assert age.value_created_at
    assert (age.rotates, age.rotated_at) == (True, None)
    with pytest.raises(AwsAccessError, match="secretsmanager:DescribeSecret"):
        clients.secrets.age_of(found["ARN"])


OF_OTHER_RESOURCES = {
    "cloudformation:DescribeEvents": {"OperationEvents.Validation*"},
    "cloudformation:DescribeStacks": {"Stacks.Description", "Stacks.Outputs.Description"},
    "elasticloadbalancing:DescribeLoadBalancers": {"LoadBalancers.SecurityGroups"},
    "elasticloadbalancing:DescribeTargetGroups": {
        *("TargetGroups.HealthCheckPath", "TargetGroups.Matcher", "TargetGroups.ProtocolVersion"),
    },
    "rds:DescribeDBClusters": {"DBClusters.DatabaseName"},
    "ssm:DescribeAssociation": {"AssociationDescription.ScheduleExpression"},
}
"""What the documented resources have and those of this stack have not: texts, schedules, validation, HTTP."""
LISTED = re.compile(r"^\| `([a-z0-9]+:\w+)` \| (`[^|]*`) \|", re.MULTILINE)


def answers(
    account: Account, stack: str, outputs: dict[str, str]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the services, operations and answers of calls whose answers AWS documents."""
    balancer, group, cluster = outputs["Balancer"], outputs["Targets"], outputs["Cluster"]
    rds, changes, stack_name = account.client("rds"), {"ChangeSetName": "more"}, {"StackName": stack}
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier="kept")
    template = SERVING.replace("MaxSize: 4", "MaxSize: 5")
    account.cloudformation.create_change_set(
        **stack_name, **changes, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    account.cloudformation.get_waiter("change_set_create_complete").wait(
        **stack_name, **changes, WaiterConfig={"Delay": 1}
    )
    (run, *_) = account.client("ssm").describe_association_executions(AssociationId=outputs["Configure"])[
        "AssociationExecutions"
    ]
    for service, operation, parameters in (
        ("autoscaling", "DescribeAutoScalingGroups", {"AutoScalingGroupNames": [outputs["Fleet"]]}),
        ("autoscaling", "DescribeScalingActivities", {"AutoScalingGroupName": outputs["Fleet"]}),
        ("cloudformation", "DescribeChangeSet", stack_name | changes),
        ("cloudformation", "DescribeEvents", stack_name),
        ("cloudformation", "DescribeStackEvents", stack_name),
        ("cloudformation", "DescribeStacks", stack_name),
        ("cloudformation", "ListStackResources", stack_name),
        ("cloudtrail", "LookupEvents", {}),
        ("ec2", "DescribeNetworkInterfaces", {}),
        ("elasticloadbalancing", "DescribeLoadBalancers", {"LoadBalancerArns": [balancer]}),
        ("elasticloadbalancing", "DescribeLoadBalancerAttributes", {"LoadBalancerArn": balancer}),
        ("elasticloadbalancing", "DescribeTargetGroups", {"TargetGroupArns": [group]}),
        ("elasticloadbalancing", "DescribeTargetHealth", {"TargetGroupArn": group}),
        ("rds", "DescribeDBClusters", {"DBClusterIdentifier": cluster}),
        ("rds", "DescribeDBClusterSnapshots", {"DBClusterIdentifier": cluster}),
        ("rds", "DescribeDBInstances", {}),
        ("ssm", "DescribeAssociation", {"AssociationId": outputs["Configure"]}),
        ("ssm", "DescribeAssociationExecutions", {"AssociationId": outputs["Configure"]}),
        (
            "ssm",
            "DescribeAssociationExecutionTargets",
            {"AssociationId": outputs["Configure"], "ExecutionId": run["ExecutionId"]},
        ),
        ("sts", "GetCallerIdentity", {}),
        ("tagging", "GetResources", {}),
    ):
        yield service, operation, answer_of(account, service, operation, **parameters)


def test_the_document_lists_what_answers_lack_of_those_that_aws_documents(
    account: Account, stack: str, outputs: dict[str, str]
) -> None:
    found = {
        f"{service}:{operation}": set(missing(service, operation, answer))
        for service, operation, answer in answers(account, stack, outputs)
    }

    lacking = {
        call: {
            one for one in paths if not any(fnmatch(one, other) for other in OF_OTHER_RESOURCES.get(call, ()))
        }
        for call, paths in found.items()
    }
    listed = {
        call: set(re.findall(r"`([^`]+)`", paths))
        for call, paths in LISTED.findall((REPOSITORY / "docs/sandbox.md").read_text())
    }
    assert {call: paths for call, paths in lacking.items() if paths} == listed
