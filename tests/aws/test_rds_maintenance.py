"""Pending maintenance, upgrade targets and support of engine versions, in the API's own shapes."""

from __future__ import annotations

from datetime import UTC, datetime

from deployments.aws.rds import RDSGateway
from deployments.aws.rds_maintenance import EngineSupport, PendingAction, RDSMaintenanceGateway, UpgradeTarget
from tests.aws.conftest import Stub
from tests.builders import START

ARN = "arn:aws:rds:ap-northeast-1:123456789012"
STANDARD_END = datetime(2024, 10, 31, 23, 59, 59, tzinfo=UTC)
EXTENDED_END = datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)


def test_pending_actions_of_clusters_and_instances_are_read_in_pages(stub: Stub) -> None:
    client, stubber = stub("rds")
    first = {
        "ResourceIdentifier": f"{ARN}:cluster:datelog",
        "PendingMaintenanceActionDetails": [
            {
                "Action": "system-update",
                "Description": "New updates available",
                "AutoAppliedAfterDate": START,
                "ForcedApplyDate": START,
                "CurrentApplyDate": START,
                "OptInStatus": "next-maintenance",
            }
        ],
    }
    second = {
        "ResourceIdentifier": f"{ARN}:db:datelog-1",
        "PendingMaintenanceActionDetails": [{"Action": "os-upgrade"}, {"Action": "ca-certificate-rotation"}],
    }
    action = "describe_pending_maintenance_actions"
    stubber.add_response(
        action, {"PendingMaintenanceActions": [first], "Marker": "more"}, {"MaxRecords": 100}
    )
    stubber.add_response(
        action, {"PendingMaintenanceActions": [second]}, {"MaxRecords": 100, "Marker": "more"}
    )

    of_cluster, *of_instance = RDSMaintenanceGateway(client).pending_actions()

    assert of_cluster == PendingAction(
        kind="cluster",
        resource_id="datelog",
        action="system-update",
        description="New updates available",
        apply_after=START,
        forced_at=START,
        applies_at=START,
        opt_in="next-maintenance",
    )
    assert [(one.kind, one.resource_id, one.action) for one in of_instance] == [
        ("db", "datelog-1", "os-upgrade"),
        ("db", "datelog-1", "ca-certificate-rotation"),
    ]
    assert (of_instance[0].apply_after, of_instance[0].opt_in) == (None, "")


def test_upgrade_targets_are_those_of_the_version_even_if_it_can_no_longer_be_created(stub: Stub) -> None:
    client, stubber = stub("rds")
    version = "8.0.mysql_aurora.3.04.0"
    stubber.add_response(
        "describe_db_engine_versions",
        {
            "DBEngineVersions": [
                {
                    "Engine": "aurora-mysql",
                    "EngineVersion": version,
                    "ValidUpgradeTarget": [
                        {"EngineVersion": "8.0.mysql_aurora.3.10.6", "IsMajorVersionUpgrade": False},
                        {"EngineVersion": "8.4.mysql_aurora.8.4.7", "IsMajorVersionUpgrade": True},
                    ],
                }
            ]
        },
        {"Engine": "aurora-mysql", "EngineVersion": version, "IncludeAll": True},
    )
    stubber.add_response("describe_db_engine_versions", {"DBEngineVersions": []})
    gateway = RDSMaintenanceGateway(client)

    assert gateway.upgrade_targets("aurora-mysql", version) == [
        UpgradeTarget(engine_version="8.0.mysql_aurora.3.10.6"),
        UpgradeTarget(engine_version="8.4.mysql_aurora.8.4.7", is_major=True),
    ]
    assert gateway.upgrade_targets("aurora-mysql", "unknown") == []


def test_the_support_of_a_major_version_has_the_dates_that_aws_has_set(stub: Stub) -> None:
    client, stubber = stub("rds")
    lifecycles = [
        {
            "LifecycleSupportName": "open-source-rds-standard-support",
            "LifecycleSupportStartDate": datetime(2018, 2, 6, tzinfo=UTC),
            "LifecycleSupportEndDate": STANDARD_END,
        },
        {
            "LifecycleSupportName": "open-source-rds-extended-support",
            "LifecycleSupportStartDate": datetime(2024, 11, 1, tzinfo=UTC),
            "LifecycleSupportEndDate": EXTENDED_END,
        },
    ]
    stubber.add_response(
        "describe_db_major_engine_versions",
        {
            "DBMajorEngineVersions": [
                {
                    "Engine": "aurora-mysql",
                    "MajorEngineVersion": "5.7",
                    "SupportedEngineLifecycles": lifecycles,
                },
                {"Engine": "aurora-mysql", "MajorEngineVersion": "9.0"},
            ]
        },
        {"Engine": "aurora-mysql", "MaxRecords": 100},
    )

    assert RDSMaintenanceGateway(client).support_of("aurora-mysql") == [
        EngineSupport(
            engine="aurora-mysql",
            major_version="5.7",
            standard_ends_at=STANDARD_END,
            extended_ends_at=EXTENDED_END,
        ),
        EngineSupport(engine="aurora-mysql", major_version="9.0"),
    ]


def test_a_cluster_has_its_maintenance_window(stub: Stub) -> None:
    client, stubber = stub("rds")
    row = {"DBClusterIdentifier": "datelog", "PreferredMaintenanceWindow": "sun:18:00-sun:18:30"}
    stubber.add_response("describe_db_clusters", {"DBClusters": [row]})

    (found,) = RDSGateway(client).clusters(["datelog"])

    assert found.maintenance_window == "sun:18:00-sun:18:30"
