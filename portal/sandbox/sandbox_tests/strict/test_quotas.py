"""The quotas of a new account."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.strict.reasons import creation_failure

VPC = "Resources: {Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}}"
ADDRESS = "Resources: {Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}}"


def test_an_account_has_five_vpcs_with_the_default_one(account: Account) -> None:
    """https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/241"""
    for number in range(4):
        made(account, f"vpc-{number}", VPC)
    reason = creation_failure(account, VPC, "Vpc")
    assert reason.text == "The maximum number of VPCs has been reached."
    assert (reason.service, reason.status, reason.code) == ("Ec2", 400, "GeneralServiceException")
    with pytest.raises(ClientError, match="VpcLimitExceeded"):
        account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")


def test_an_account_has_five_elastic_addresses(account: Account) -> None:
    """https://github.com/aws/aws-parallelcluster/issues/1734"""
    for number in range(5):
        made(account, f"address-{number}", ADDRESS)
    reason = creation_failure(account, ADDRESS, "Address")
    assert reason.text == "The maximum number of addresses has been reached."
    with pytest.raises(ClientError, match="AddressLimitExceeded"):
        account.client("ec2").allocate_address(Domain="vpc")


def test_a_quota_that_was_raised_lets_more_be_created(account: Account) -> None:
    """The control API stands for https://docs.aws.amazon.com/servicequotas/latest/userguide/request-quota-increase.html"""
    account.sandbox.control("POST", "quotas", {"addresses": 0}, account=account.id)
    creation_failure(account, ADDRESS, "Address")
    limits = account.sandbox.control("POST", "quotas", {"addresses": 1}, account=account.id)
    assert isinstance(limits, dict)
    assert (limits["addresses"], limits["vpcs"]) == (1, 5)
    made(account, "raised", ADDRESS)


@pytest.mark.parametrize(
    ("quota", "text", "template"),
    [
        (
            "load_balancers_network",
            "maximum number of load balancers has been reached",
            """
Parameters: {Vpc: {Type: String}, Subnet: {Type: String}}
Resources:
  Limited:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Type: network, Scheme: internal, Subnets: [!Ref Subnet]}
""",
        ),
        (
            "target_groups",
            "maximum number of target groups has been reached",
            """
Parameters: {Vpc: {Type: String}, Subnet: {Type: String}}
Resources:
  Limited:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {Protocol: TCP, Port: 80, VpcId: !Ref Vpc}
""",
        ),
        (
            "nat_gateways_per_zone",
            "would exceed the limit of 0 NAT gateways",
            """
Parameters: {Vpc: {Type: String}, Subnet: {Type: String}}
Resources:
  Limited:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref Subnet, ConnectivityType: private}
""",
        ),
        (
            "database_clusters",
            "DB Cluster quota exceeded",
            """
Parameters: {Vpc: {Type: String}, Subnet: {Type: String}}
Resources:
  Limited:
    Type: AWS::RDS::DBCluster
    Properties: {Engine: aurora-mysql, MasterUsername: admin, ManageMasterUserPassword: true}
""",
        ),
    ],
)
def test_each_quota_fails_one_more_in_awss_words(
    account: Account, network: Network, quota: str, text: str, template: str
) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html (quotas of each service)"""
    account.sandbox.control("POST", "quotas", {quota: 0}, account=account.id)
    reason = creation_failure(account, template, "Limited", Vpc=network.vpc, Subnet=network.subnet_a)
    assert text in reason.text


def test_service_quotas_lists_what_the_account_may_have(account: Account) -> None:
    """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html"""
    account.sandbox.control("POST", "quotas", {"vpcs": 7}, account=account.id)
    client = account.client("service-quotas")

    pages = client.get_paginator("list_service_quotas").paginate(
        ServiceCode="vpc", PaginationConfig={"PageSize": 2}
    )
    found = {row["QuotaName"]: row["Value"] for page in pages for row in page["Quotas"]}

    assert (found["VPCs per Region"], found["Internet gateways per Region"]) == (7.0, 5.0)
    named = {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"}
    assert client.get_service_quota(**named)["Quota"]["Value"] == 7.0
    assert client.get_aws_default_service_quota(**named)["Quota"]["Value"] == 5.0


def test_a_quota_with_a_default_only_is_not_listed(account: Account) -> None:
    """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html"""
    client = account.client("service-quotas")
    named = {"ServiceCode": "cloudformation", "QuotaCode": "L-0485CB21"}

    assert client.list_service_quotas(ServiceCode="cloudformation")["Quotas"] == []
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.get_service_quota(**named)
    assert client.get_aws_default_service_quota(**named)["Quota"]["Value"] == 2000.0


def test_an_unknown_service_has_no_quotas(account: Account) -> None:
    """https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html"""
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        account.client("service-quotas").list_service_quotas(ServiceCode="none")
