"""What a region offers and whether a certificate can be used, as the gateways read AWS's answers."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber

from deployments.aws.acm import ACMGateway, Certificate
from deployments.aws.ec2 import EC2Gateway
from deployments.aws.rds import RDSGateway
from deployments.common.errors import AwsNotFound

SESSION = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-4333-8444-555555555555"
VERSION = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.10.6"}


def test_zones_of_an_instance_type_are_read_from_all_pages() -> None:
    client = SESSION.client("ec2")
    asked = {
        "LocationType": "availability-zone",
        "Filters": [{"Name": "instance-type", "Values": ["t4g.micro", "t0.none"]}],
    }

    def offering(zone: str) -> dict[str, str]:
        return {"InstanceType": "t4g.micro", "LocationType": "availability-zone", "Location": zone}

    with Stubber(client) as stub:
        stub.add_response(
            "describe_instance_type_offerings",
            {"InstanceTypeOfferings": [offering("eu-west-1b")], "NextToken": "more"},
            asked,
        )
        stub.add_response(
            "describe_instance_type_offerings",
            {"InstanceTypeOfferings": [offering("eu-west-1a")]},
            {**asked, "NextToken": "more"},
        )

        found = EC2Gateway(client).zones_by_type(["t4g.micro", "t0.none"])

    assert found == {"t4g.micro": ["eu-west-1a", "eu-west-1b"], "t0.none": []}


@pytest.mark.parametrize(("rows", "found"), [([{"Status": "available"}], True), ([], False)])
def test_a_version_exists_if_it_is_listed(rows: list[dict[str, str]], found: bool) -> None:
    client = SESSION.client("rds")
    with Stubber(client) as stub:
        stub.add_response("describe_db_engine_versions", {"DBEngineVersions": rows}, VERSION)

        assert RDSGateway(client).has_version(*VERSION.values()) is found


def test_zones_of_an_instance_class_are_those_of_all_its_options() -> None:
    client = SESSION.client("rds")
    rows = [
        {"AvailabilityZones": [{"Name": name} for name in names]}
        for names in (["eu-west-1b"], ["eu-west-1a", "eu-west-1b"])
    ]
    with Stubber(client) as stub:
        stub.add_response(
            "describe_orderable_db_instance_options",
            {"OrderableDBInstanceOptions": rows},
            {**VERSION, "DBInstanceClass": "db.r7g.large", "Vpc": True},
        )

        found = RDSGateway(client).zones_of_class(VERSION["Engine"], VERSION["EngineVersion"], "db.r7g.large")

    assert found == ["eu-west-1a", "eu-west-1b"]


def test_a_certificate_has_its_status_and_end() -> None:
    client, ends_at = SESSION.client("acm"), datetime(2027, 3, 1, tzinfo=UTC)
    with Stubber(client) as stub:
        issued = {"CertificateArn": ARN, "Status": "ISSUED", "NotAfter": ends_at}
        stub.add_response("describe_certificate", {"Certificate": issued}, {"CertificateArn": ARN})
        stub.add_response("describe_certificate", {"Certificate": {"Status": "PENDING_VALIDATION"}})
        stub.add_client_error("describe_certificate", "ResourceNotFoundException")
        gateway = ACMGateway(client)

        assert gateway.certificate(ARN) == Certificate(status="ISSUED", ends_at=ends_at)
        assert gateway.certificate(ARN) == Certificate(status="PENDING_VALIDATION")
        with pytest.raises(AwsNotFound):
            gateway.certificate(ARN)
