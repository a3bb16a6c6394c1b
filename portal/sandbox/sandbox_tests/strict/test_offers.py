"""What a region offers: instance types in its zones, versions and instance classes of Aurora."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account

VERSION = "8.0.mysql_aurora.3.10.6"


def _zones(account: Account, instance_type: str) -> list[str]:
    rows = account.client("ec2").describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [instance_type]}]
    )["InstanceTypeOfferings"]
    assert {row["InstanceType"] for row in rows} <= {instance_type}
    return sorted(row["Location"] for row in rows)


def test_zones_offer_the_types_of_their_region_but_for_shortages(account: Account) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html"""
    assert _zones(account, "t4g.micro") == [f"{REGION}{letter}" for letter in "abc"]
    assert _zones(account, "t0.none") == []

    shortages = {"not_offered": {"t4g.micro": [f"{REGION}a"]}}
    account.sandbox.control("POST", "shortages", shortages, account=account.id)

    assert _zones(account, "t4g.micro") == [f"{REGION}b", f"{REGION}c"]


def test_offers_are_of_the_region_unless_those_of_zones_are_asked_for(account: Account) -> None:
    ec2 = account.client("ec2")

    rows = ec2.describe_instance_type_offerings()["InstanceTypeOfferings"]

    assert {row["Location"] for row in rows} == {REGION}
    assert {row["LocationType"] for row in rows} == {"region"}
    with pytest.raises(ClientError, match="The filter 'size' is invalid"):
        ec2.describe_instance_type_offerings(Filters=[{"Name": "size", "Values": ["large"]}])


def test_versions_that_cannot_be_created_are_not_listed(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html"""
    rds = account.client("rds")

    (found,) = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion=VERSION)[
        "DBEngineVersions"
    ]
    old = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion="8.0.mysql_aurora.3.01.0")

    assert (found["EngineVersion"], found["Status"]) == (VERSION, "available")
    assert found["DBParameterGroupFamily"] == "aurora-mysql8.0"
    assert old["DBEngineVersions"] == []


def test_instance_classes_that_can_be_ordered_are_those_that_can_be_created(account: Account) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeOrderableDBInstanceOptions.html"""
    rds = account.client("rds")
    given = {"Engine": "aurora-mysql", "EngineVersion": VERSION}

    (found,) = rds.describe_orderable_db_instance_options(**given, DBInstanceClass="db.t4g.medium")[
        "OrderableDBInstanceOptions"
    ]
    none = rds.describe_orderable_db_instance_options(**given, DBInstanceClass="db.t3.micro")

    assert [zone["Name"] for zone in found["AvailabilityZones"]] == [f"{REGION}{letter}" for letter in "abc"]
    assert none["OrderableDBInstanceOptions"] == []


def test_other_engines_are_those_of_ministack(account: Account) -> None:
    assert account.client("rds").describe_db_engine_versions(Engine="postgres")["DBEngineVersions"]
