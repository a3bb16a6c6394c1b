"""Resources that a deleted stack leaves in the sandbox, as in AWS: the gateways find and delete them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from deployments.aws.rds_backups import CLUSTER_SNAPSHOT
from deployments.aws.session import Clients
from deployments.common.errors import AwsAccessError, AwsAlreadyDone, AwsNotFound
from deployments.health.rules.backups import CAUSE_TAG, SnapshotCause, cause_of
from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import NETWORK, made
from tests.aws.test_against_sandbox import account, clients, records  # noqa: F401  # fixtures
from tests.services import wait_until

LEAVING = (
    NETWORK.partition("Outputs:")[0]
    + """
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: for tests, SubnetIds: [!Ref SubnetA, !Ref SubnetC]}
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Snapshot
    Properties:
      Engine: aurora-mysql
      EngineVersion: 8.0.mysql_aurora.3.10.6
      MasterUsername: admin
      ManageMasterUserPassword: true
      DBSubnetGroupName: !Ref Subnets
      CopyTagsToSnapshot: true
      Tags: [{Key: "sanso:environment", Value: "e-1"}]
Outputs:
  Cluster: {Value: !Ref Cluster}
  Vpc: {Value: !Ref Vpc}
"""
)


@pytest.fixture
def cluster_id(account: Account) -> Iterator[str]:  # noqa: F811
    """The id of a cluster that was deleted with its stack."""
    stack = made(account, "leaving", LEAVING)
    found = account.outputs(stack)["Cluster"]
    account.cloudformation.delete_stack(StackName=stack)
    wait_until(lambda: account.status(stack) == "DELETE_COMPLETE")
    yield found
    account.sandbox.control("POST", "reset", account=account.id)


def test_a_final_snapshot_outlives_its_cluster_until_it_is_deleted(
    cluster_id: str,
    clients: Clients,  # noqa: F811
) -> None:
    (snapshot,) = clients.rds.cluster_backups(cluster_id)

    assert (snapshot.type, snapshot.kind) == (CLUSTER_SNAPSHOT, "manual")
    assert snapshot.created_at is not None
    tagged = clients.tagging.tagged("sanso:environment", "e-1")
    assert snapshot.arn in tagged

    clients.rds.delete_backup(snapshot.type, snapshot.id)

    assert clients.rds.cluster_backups(cluster_id) == []
    with pytest.raises(AwsNotFound):
        clients.rds.delete_backup(snapshot.type, snapshot.id)
    assert clients.rds.instance_backups("never-there") == []


def test_a_requested_snapshot_outlives_its_cluster_and_is_found_by_its_tags(
    account: Account,  # noqa: F811
    clients: Clients,  # noqa: F811
) -> None:
    """The role of the portal takes snapshots of tagged clusters, with the tag of an environment only."""
    stack = made(account, "snapshots", LEAVING.replace("DeletionPolicy: Snapshot", "DeletionPolicy: Delete"))
    cluster = account.outputs(stack)["Cluster"]
    tags = {"sanso:environment": "e-1", CAUSE_TAG: SnapshotCause.REQUESTED.value}

    clients.rds.create_cluster_snapshot(cluster, "sanso-snapshots-1", tags)

    assert clients.rds.cluster_snapshot("sanso-snapshots-1").status in ("creating", "available")
    with pytest.raises(AwsAlreadyDone):
        clients.rds.create_cluster_snapshot(cluster, "sanso-snapshots-1", tags)
    with pytest.raises(AwsAccessError, match="rds:CreateDBClusterSnapshot"):
        clients.rds.create_cluster_snapshot(cluster, "of-another-name", tags)
    with pytest.raises(AwsAccessError, match="rds:CreateDBClusterSnapshot"):
        clients.rds.create_cluster_snapshot(cluster, "sanso-untagged", {CAUSE_TAG: "requested"})
    wait_until(lambda: clients.rds.cluster_snapshot("sanso-snapshots-1").status == "available")
    account.cloudformation.delete_stack(StackName=stack)
    wait_until(lambda: account.status(stack) == "DELETE_COMPLETE")
    (left,) = clients.rds.cluster_backups(cluster)
    assert (left.id, left.kind) == ("sanso-snapshots-1", "manual")
    assert left.arn in clients.tagging.tagged("sanso:environment", "e-1")
    (row,) = clients.rds.cluster_snapshots([cluster])
    assert cause_of(row.kind, row.snapshot_id, row.tags) is SnapshotCause.REQUESTED
    clients.rds.delete_backup(left.type, left.id)


def test_a_log_group_stays_until_it_is_deleted(account: Account, clients: Clients) -> None:  # noqa: F811
    logs = account.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/sanso-one")
    logs.create_log_stream(logGroupName="/aws/lambda/sanso-one", logStreamName="s")
    logs.put_log_events(
        logGroupName="/aws/lambda/sanso-one",
        logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "hello"}],
    )

    (group,) = clients.logs.log_groups("/aws/lambda/sanso-one")
    assert (group.name, group.retention_days) == ("/aws/lambda/sanso-one", 0)
    assert group.stored_bytes > 0
    clients.logs.delete_log_group("/aws/lambda/sanso-one")
    assert clients.logs.log_groups("/aws/lambda/sanso-one") == []
    with pytest.raises(AwsNotFound):
        clients.logs.delete_log_group("/aws/lambda/sanso-one")


def test_versions_of_objects_stay_after_the_objects_were_deleted(
    account: Account,  # noqa: F811
    clients: Clients,  # noqa: F811
) -> None:
    s3 = account.client("s3")
    account.publish()
    s3.put_bucket_versioning(Bucket=account.bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        s3.put_object(Bucket=account.bucket, Key="sanso/d/root.yaml", Body=body)
    s3.put_object(Bucket=account.bucket, Key="sanso/d/gone.yaml", Body=b"x")
    s3.delete_object(Bucket=account.bucket, Key="sanso/d/gone.yaml")

    count = clients.s3.count_versions(account.bucket, "sanso/d/", 100, account.id)
    assert (count.objects, count.versions, count.delete_markers, count.size) == (1, 3, 1, 12)
    assert count.is_complete

    assert not clients.s3.delete_versions(account.bucket, "sanso/d/", account.id)
    assert clients.s3.count_versions(account.bucket, "sanso/d/", 100, account.id).versions == 0


def test_interfaces_of_a_vpc_are_found_and_one_in_use_is_not_deleted(
    account: Account,  # noqa: F811
    clients: Clients,  # noqa: F811
) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    created = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]

    (found,) = clients.ec2.network_interfaces([vpc])
    assert (found.interface_id, found.status) == (created, "available")
    clients.ec2.delete_network_interface(created)
    assert clients.ec2.network_interfaces([vpc]) == []
    with pytest.raises(AwsNotFound):
        clients.ec2.delete_network_interface(created)
    assert clients.ec2.running_instances(["i-0123456789abcdef0"]) == []


def test_instances_are_found_by_all_of_their_tags_until_they_are_terminated(
    account: Account,  # noqa: F811
    clients: Clients,  # noqa: F811
) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]

    def started(**tags: str) -> str:
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        specification = [{"ResourceType": "instance", "Tags": given}]
        begun = ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            TagSpecifications=specification,
        )
        return str(begun["Instances"][0]["InstanceId"])

    ids = [started(Server="App", Stage="one"), started(Server="App", Stage="two"), started(Server="Web")]

    def found(**tags: list[str]) -> set[str]:
        return {one.instance_id for one in clients.ec2.tagged_instances(tags)}

    assert found(Server=["App"]) == set(ids[:2])
    assert found(Server=["App", "Web"]) == set(ids)
    assert found(Server=["App"], Stage=["two"]) == {ids[1]}
    (both,) = clients.ec2.tagged_instances({"Stage": ["one"]})
    assert {"Server": "App", "Stage": "one"}.items() <= both.tags.items()
    ec2.terminate_instances(InstanceIds=ids[:1])
    assert found(Server=["App"]) == {ids[1]}
