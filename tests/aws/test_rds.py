"""Aurora clusters and instances, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from deployments.aws.rds import Cluster, DBInstance, Member, RDSGateway
from deployments.aws.rds_backups import ClusterSnapshot
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, AwsRejected
from tests.aws.conftest import Stub
from tests.builders import START


def expected(*cluster_ids: str) -> dict[str, object]:
    return {"Filters": [{"Name": "db-cluster-id", "Values": list(cluster_ids)}], "MaxRecords": 100}


def test_a_cluster_is_read_with_its_members_and_what_is_pending(stub: Stub) -> None:
    client, stubber = stub("rds")
    stubber.add_response(
        "describe_db_clusters",
        {
            "DBClusters": [
                {
                    "DBClusterIdentifier": "datelog",
                    "Status": "failing-over",
                    "EngineVersion": "8.0.mysql_aurora.3.10.6",
                    "Endpoint": "datelog.cluster-x.rds.amazonaws.com",
                    "ReaderEndpoint": "datelog.cluster-ro-x.rds.amazonaws.com",
                    "Port": 3306,
                    "DBClusterMembers": [
                        {
                            "DBInstanceIdentifier": "one",
                            "IsClusterWriter": True,
                            "PromotionTier": 0,
                            "DBClusterParameterGroupStatus": "pending-reboot",
                        },
                        {"DBInstanceIdentifier": "two", "IsClusterWriter": False, "PromotionTier": 1},
                    ],
                    "PendingModifiedValues": {
                        "EngineVersion": "8.0.mysql_aurora.3.11.0",
                        "MasterUserPassword": "hunter2",
                        "PendingCloudwatchLogsExports": {},
                    },
                }
            ],
            "Marker": "more",
        },
        expected("datelog", "other"),
    )
    stubber.add_response(
        "describe_db_clusters",
        {"DBClusters": [{"DBClusterIdentifier": "other", "Status": "creating"}]},
        expected("datelog", "other") | {"Marker": "more"},
    )

    full, new = RDSGateway(client).clusters(["datelog", "other"])

    assert full == Cluster(
        cluster_id="datelog",
        status="failing-over",
        engine_version="8.0.mysql_aurora.3.10.6",
        endpoint="datelog.cluster-x.rds.amazonaws.com",
        reader_endpoint="datelog.cluster-ro-x.rds.amazonaws.com",
        port=3306,
        members=(
            Member(instance_id="one", is_writer=True, promotion_tier=0, parameter_status="pending-reboot"),
            Member(instance_id="two", is_writer=False, promotion_tier=1),
        ),
        pending={"EngineVersion": "8.0.mysql_aurora.3.11.0", "MasterUserPassword": "••••"},
    )
    assert new == Cluster(cluster_id="other", status="creating", engine_version="")


def test_a_pending_password_is_never_kept(stub: Stub) -> None:
    client, stubber = stub("rds")
    row = {"DBInstanceIdentifier": "one", "PendingModifiedValues": {"MasterUserPassword": "hunter2"}}
    stubber.add_response("describe_db_instances", {"DBInstances": [row]}, expected("datelog"))

    assert "hunter2" not in repr(RDSGateway(client).instances(["datelog"]))


def test_instances_are_read_by_their_clusters(stub: Stub) -> None:
    client, stubber = stub("rds")
    stubber.add_response(
        "describe_db_instances",
        {
            "DBInstances": [
                {
                    "DBInstanceIdentifier": "one",
                    "DBClusterIdentifier": "datelog",
                    "DBInstanceStatus": "available",
                    "AvailabilityZone": "ap-northeast-1a",
                    "DBInstanceClass": "db.t4g.medium",
                    "Endpoint": {"Address": "one.x.rds.amazonaws.com", "Port": 3306},
                    "DBSubnetGroup": {"DBSubnetGroupName": "private", "VpcId": "vpc-1"},
                    "PendingModifiedValues": {"DBInstanceClass": "db.r6g.large"},
                },
                {"DBInstanceIdentifier": "two", "DBInstanceStatus": "creating"},
            ]
        },
        expected("datelog"),
    )

    one, two = RDSGateway(client).instances(["datelog"])

    assert one == DBInstance(
        instance_id="one",
        cluster_id="datelog",
        status="available",
        zone="ap-northeast-1a",
        instance_class="db.t4g.medium",
        endpoint="one.x.rds.amazonaws.com",
        vpc_id="vpc-1",
        pending={"DBInstanceClass": "db.r6g.large"},
    )
    assert (two.zone, two.endpoint, two.pending) == ("", "", {})


def test_clusters_are_described_a_hundred_per_call_and_no_ids_cost_no_call(stub: Stub) -> None:
    client, stubber = stub("rds")
    ids = [f"c-{number}" for number in range(130)]
    stubber.add_response("describe_db_clusters", {"DBClusters": []}, expected(*ids[:100]))
    stubber.add_response("describe_db_clusters", {"DBClusters": []}, expected(*ids[100:]))

    assert RDSGateway(client).clusters(ids) == []
    assert RDSGateway(client).instances([]) == []


def test_a_cluster_has_its_retention_and_restorable_times(stub: Stub) -> None:
    client, stubber = stub("rds")
    row = {
        "DBClusterIdentifier": "datelog",
        "BackupRetentionPeriod": 7,
        "PreferredBackupWindow": "17:00-17:30",
        "EarliestRestorableTime": START,
        "LatestRestorableTime": START + timedelta(days=6),
    }
    stubber.add_response("describe_db_clusters", {"DBClusters": [row]}, expected("datelog"))

    (found,) = RDSGateway(client).clusters(["datelog"])

    assert (found.backup_retention_days, found.backup_window) == (7, "17:00-17:30")
    assert found.latest_restorable_at == START + timedelta(days=6)
    assert found.earliest_restorable_at == START


def test_snapshots_of_clusters_are_read_in_pages(stub: Stub) -> None:
    client, stubber = stub("rds")
    first = {
        "DBClusterSnapshotIdentifier": "sanso-shop-1",
        "DBClusterIdentifier": "datelog",
        "SnapshotType": "manual",
        "Status": "creating",
        "PercentProgress": 40,
        "AllocatedStorage": 3,
        "SnapshotCreateTime": START,
        "TagList": [{"Key": "sanso:snapshot", "Value": "requested"}],
    }
    more = {"DBClusterSnapshotIdentifier": "rds:datelog-1", "DBClusterIdentifier": "datelog"}
    action = "describe_db_cluster_snapshots"
    stubber.add_response(action, {"DBClusterSnapshots": [first], "Marker": "more"}, expected("datelog"))
    stubber.add_response(action, {"DBClusterSnapshots": [more]}, expected("datelog") | {"Marker": "more"})

    one, two = RDSGateway(client).cluster_snapshots(["datelog"])

    assert one == ClusterSnapshot(
        snapshot_id="sanso-shop-1",
        cluster_id="datelog",
        kind="manual",
        status="creating",
        progress=40,
        size=3,
        created_at=START,
        tags={"sanso:snapshot": "requested"},
    )
    assert (two.created_at, two.size, two.tags) == (None, 0, {})
    assert RDSGateway(client).cluster_snapshots([]) == []


def test_a_snapshot_is_created_with_tags_and_a_second_one_of_its_name_is_adopted(stub: Stub) -> None:
    client, stubber = stub("rds")
    wanted = {
        "DBClusterIdentifier": "datelog",
        "DBClusterSnapshotIdentifier": "sanso-shop-1",
        "Tags": [{"Key": "sanso:name", "Value": "shop"}],
    }
    stubber.add_response("create_db_cluster_snapshot", {"DBClusterSnapshot": {}}, wanted)
    stubber.add_client_error("create_db_cluster_snapshot", "DBClusterSnapshotAlreadyExistsFault")
    stubber.add_client_error("create_db_cluster_snapshot", "SnapshotQuotaExceeded")
    stubber.add_client_error("describe_db_cluster_snapshots", "DBClusterSnapshotNotFoundFault")
    rds = RDSGateway(client)

    rds.create_cluster_snapshot("datelog", "sanso-shop-1", {"sanso:name": "shop"})

    with pytest.raises(AwsAlreadyDone):
        rds.create_cluster_snapshot("datelog", "sanso-shop-1", {"sanso:name": "shop"})
    with pytest.raises(AwsRejected):
        rds.create_cluster_snapshot("datelog", "sanso-shop-1", {"sanso:name": "shop"})
    with pytest.raises(AwsNotFound):
        rds.cluster_snapshot("sanso-shop-1")
