"""What a run has left in an account of the sandbox: nothing."""

from __future__ import annotations

from deployments.environments.models.accounts import Account
from tests.running import client
from tests.services import Sandbox


def assert_nothing_is_left(account: Account, sandbox: Sandbox) -> None:
    """Assert that the account has no stacks, networks, objects and roles of a run."""
    stacks = client(account, "cloudformation", sandbox).get_paginator("list_stacks").paginate()
    rows = [row for page in stacks for row in page["StackSummaries"]]
    assert {row["StackStatus"] for row in rows if "contact" in row["StackName"]} <= {"DELETE_COMPLETE"}
    vpcs = client(account, "ec2", sandbox).describe_vpcs()["Vpcs"]
    assert [vpc for vpc in vpcs if vpc["CidrBlock"].startswith("10.213.")] == []
    rds = client(account, "rds", sandbox)
    assert rds.describe_db_clusters()["DBClusters"] == []
    groups = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    assert [one for one in groups if "contact" in one["DBClusterParameterGroupName"]] == []
    assert rds.describe_db_subnet_groups()["DBSubnetGroups"] == []
    s3 = client(account, "s3", sandbox)
    for bucket in s3.list_buckets()["Buckets"]:
        found = s3.list_object_versions(Bucket=bucket["Name"], Prefix="sanso/first-contact/")
        assert not found.get("Versions")
        assert not found.get("DeleteMarkers")
    roles = client(account, "iam", sandbox).list_roles()["Roles"]
    assert [role["RoleName"] for role in roles if "contact" in role["RoleName"]] == []
