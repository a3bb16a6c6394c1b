"""Quotas and their use, as the gateway counts them from AWS's answers."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber

from deployments.aws.service_quotas import Limited, QuotaUse, ServiceQuotasGateway

SESSION = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")


def use_of(service: str, limits: dict[str, float], answers: list[tuple[str, dict[str, Any]]]) -> Any:
    """Return what the gateway makes of the values of an account and what EC2 answers."""
    quotas, ec2 = SESSION.client("service-quotas"), SESSION.client("ec2")
    gateway = ServiceQuotasGateway(
        quotas,
        ec2=ec2,
        elbv2=SESSION.client("elbv2"),
        rds=SESSION.client("rds"),
        cloudformation=SESSION.client("cloudformation"),
    )
    with Stubber(quotas) as about_quotas, Stubber(ec2) as about_ec2:
        listed = [{"QuotaCode": code, "Value": value} for code, value in limits.items()]
        about_quotas.add_response("list_service_quotas", {"Quotas": listed})
        about_quotas.add_client_error("get_aws_default_service_quota", "NoSuchResourceException")
        for method, answer in answers:
            about_ec2.add_response(method, answer)
        return gateway.use_of(service)


def instance(instance_type: str, state: str = "running", **more: str) -> dict[str, Any]:
    return {"InstanceType": instance_type, "State": {"Name": state}, **more}


def test_vcpus_are_those_of_running_standard_instances_on_demand() -> None:
    servers = [
        instance("t4g.micro"),
        instance("m7g.2xlarge", "pending"),
        instance("m7g.large", "stopped"),
        instance("g5.xlarge"),
        instance("c7g.large", InstanceLifecycle="spot"),
    ]

    found = use_of(
        "ec2",
        {"L-1216C47A": 32.0},
        [
            ("describe_addresses", {"Addresses": [{}]}),
            ("describe_instances", {"Reservations": [{"Instances": servers}]}),
        ],
    )

    # The quota of addresses has neither a value of the account nor a default.
    assert found == [QuotaUse(limited=Limited.VCPUS, limit=32, used=10)]


def test_nat_gateways_are_those_of_the_fullest_zone() -> None:
    gateways = [
        {"SubnetId": "subnet-a", "State": "available"},
        {"SubnetId": "subnet-b", "State": "pending"},
        {"SubnetId": "subnet-b", "State": "failed"},
        {"SubnetId": "subnet-c", "State": "deleting"},
        {"SubnetId": "subnet-c", "State": "deleted"},
    ]
    zones = {"subnet-a": "eu-west-1a", "subnet-b": "eu-west-1b", "subnet-c": "eu-west-1a"}
    subnets = [{"SubnetId": name, "AvailabilityZone": zone} for name, zone in zones.items()]

    found = use_of(
        "vpc",
        {"L-F678F1CE": 5.0, "L-A4707A72": 5.0, "L-FE5A380F": 5.0},
        [
            ("describe_nat_gateways", {"NatGateways": gateways}),
            ("describe_vpcs", {"Vpcs": [{}, {}]}),
            ("describe_internet_gateways", {"InternetGateways": []}),
            ("describe_subnets", {"Subnets": subnets}),
            ("describe_security_groups", {"SecurityGroups": [{}]}),
        ],
    )

    assert {one.limited: one.used for one in found} == {
        Limited.VPCS: 2,
        Limited.INTERNET_GATEWAYS: 0,
        Limited.NAT_GATEWAYS: 2,
    }
