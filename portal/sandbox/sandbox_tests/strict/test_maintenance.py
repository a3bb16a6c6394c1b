"""Maintenance of Aurora: what is pending, versions to upgrade to, and the support of major versions."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import made
from sandbox_tests.strict.test_aurora import CLUSTER

NAMED = f"{CLUSTER}Outputs: {{Cluster: {{Value: !Ref Cluster}}, Instance: {{Value: !Ref Instance}}}}\n"
UPDATE = "os-upgrade"


def _announce(account: Account, cluster: str) -> None:
    account.sandbox.control(
        "POST", "databases", {"cluster": cluster, "action": "announce_maintenance"}, account=account.id
    )


def _pending(account: Account, **wanted: Any) -> list[dict[str, Any]]:
    found = account.client("rds").describe_pending_maintenance_actions(**wanted)
    return list(found["PendingMaintenanceActions"])


def test_announced_maintenance_is_pending_until_it_is_applied(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_PendingMaintenanceAction.html"""
    outputs = account.outputs(made(account, "pending", NAMED))
    rds = account.client("rds")
    (instance,) = rds.describe_db_instances(DBInstanceIdentifier=outputs["Instance"])["DBInstances"]
    arn = instance["DBInstanceArn"]
    assert _pending(account) == []

    _announce(account, outputs["Cluster"])

    (found,) = _pending(account)
    (action,) = found["PendingMaintenanceActionDetails"]
    assert (found["ResourceIdentifier"], action["Action"]) == (arn, UPDATE)
    assert action["CurrentApplyDate"] == action["AutoAppliedAfterDate"] < action["ForcedApplyDate"]
    of_instance = {"Name": "db-instance-id", "Values": [outputs["Instance"]]}
    of_cluster = {"Name": "db-cluster-id", "Values": [outputs["Cluster"]]}
    assert (
        len(_pending(account, Filters=[of_instance])) == len(_pending(account, ResourceIdentifier=arn)) == 1
    )
    assert _pending(account, Filters=[of_cluster]) == [], "only actions of the cluster itself"

    request = {"ResourceIdentifier": arn, "ApplyAction": UPDATE}
    rds.apply_pending_maintenance_action(**request, OptInType="next-maintenance")
    assert _pending(account)[0]["PendingMaintenanceActionDetails"][0]["OptInStatus"] == "next-maintenance"
    rds.apply_pending_maintenance_action(**request, OptInType="undo-opt-in")
    assert "OptInStatus" not in _pending(account)[0]["PendingMaintenanceActionDetails"][0]
    rds.apply_pending_maintenance_action(**request, OptInType="immediate")
    assert _pending(account) == []
    with pytest.raises(ClientError, match="No pending maintenance action"):
        rds.apply_pending_maintenance_action(**request, OptInType="immediate")


def test_rds_rotates_its_secret_and_dates_it(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html"""
    outputs = account.outputs(made(account, "rotated", NAMED))
    (cluster,) = account.client("rds").describe_db_clusters()["DBClusters"]
    assert cluster["DBClusterIdentifier"] == outputs["Cluster"]
    secrets, secret = account.client("secretsmanager"), {"SecretId": cluster["MasterUserSecret"]["SecretArn"]}

    before = secrets.describe_secret(**secret)
    secrets.rotate_secret(**secret)
    after = secrets.describe_secret(**secret)

    assert (before["OwningService"], before["RotationEnabled"]) == ("rds", True)
    assert before["RotationRules"] == {"AutomaticallyAfterDays": 7}
    assert "LastRotatedDate" not in before
    assert after["LastRotatedDate"] >= before["CreatedDate"]


def test_maintenance_of_what_does_not_exist_is_an_error(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribePendingMaintenanceActions.html"""
    with pytest.raises(ClientError, match="ResourceNotFoundFault"):
        _pending(account, ResourceIdentifier=f"arn:aws:rds:ap-northeast-1:{account.id}:cluster:gone")
    with pytest.raises(ClientError, match="Unrecognized filter name"):
        _pending(account, Filters=[{"Name": "engine", "Values": ["aurora-mysql"]}])


def test_a_version_is_upgraded_to_later_ones_of_the_same_and_the_next_major_version(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Updates.Patching.html"""
    version = "8.0.mysql_aurora.3.10.6"
    rds = account.client("rds")

    (found,) = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion=version)[
        "DBEngineVersions"
    ]

    targets = {one["EngineVersion"]: one["IsMajorVersionUpgrade"] for one in found["ValidUpgradeTarget"]}
    assert targets["8.0.mysql_aurora.3.12.0"] is False
    assert targets["8.4.mysql_aurora.8.4.7"] is True
    assert not {version, "8.0.mysql_aurora.3.10.0", "5.7.mysql_aurora.2.12.6"} & targets.keys()
    of_two = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion="5.7")["DBEngineVersions"]
    assert {one["MajorEngineVersion"] for one in of_two} == {"5.7"}
    assert not any(
        target["EngineVersion"].startswith("8.4") for one in of_two for target in one["ValidUpgradeTarget"]
    )


def test_the_support_of_major_versions_has_the_dates_of_the_release_calendar(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraMySQLReleaseNotes/AuroraMySQL.release-calendars.html"""
    rds = account.client("rds")

    found = rds.describe_db_major_engine_versions(Engine="aurora-mysql", MajorEngineVersion="8.0")

    (major,) = found["DBMajorEngineVersions"]
    ends = {
        one["LifecycleSupportName"]: f"{one['LifecycleSupportEndDate']:%Y-%m-%d}"
        for one in major["SupportedEngineLifecycles"]
    }
    assert ends == {
        "open-source-rds-standard-support": "2028-04-30",
        "open-source-rds-extended-support": "2029-07-31",
    }
    assert rds.describe_db_major_engine_versions(Engine="postgres")["DBMajorEngineVersions"] == []
    with pytest.raises(ClientError, match="Must be between 20 and 100"):
        rds.describe_db_major_engine_versions(MaxRecords=101)
