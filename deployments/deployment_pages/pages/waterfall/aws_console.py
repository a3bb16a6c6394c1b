"""A resource's location in AWS: its ARN, and its page in the AWS console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

_DOMAINS = {"aws": "console.aws.amazon.com", "aws-cn": "console.amazonaws.cn"}
_GOV = "console.amazonaws-us-gov.com"


@dataclass(frozen=True, slots=True)
class AwsLocation:
    """A partition, region and account of AWS, as in ARNs."""

    partition: str
    region: str
    account_id: str

    @classmethod
    def of(cls, stack_id: str, region: str) -> AwsLocation:
        """Take partition and account from the root stack's id, which is an ARN; unknown ones are ""."""
        parts = stack_id.split(":")
        known = len(parts) > 5 and parts[0] == "arn"
        return cls(parts[1] if known else "aws", region, parts[4] if known else "")


# The part after `arn:<partition>:<service>:<region>:<account>:`; {} is the physical id.
_ARNS: Mapping[str, str] = {
    "AWS::EC2::VPC": "ec2:{r}:{a}:vpc/{}",
    "AWS::EC2::Subnet": "ec2:{r}:{a}:subnet/{}",
    "AWS::EC2::RouteTable": "ec2:{r}:{a}:route-table/{}",
    "AWS::EC2::NatGateway": "ec2:{r}:{a}:natgateway/{}",
    "AWS::EC2::InternetGateway": "ec2:{r}:{a}:internet-gateway/{}",
    "AWS::EC2::SecurityGroup": "ec2:{r}:{a}:security-group/{}",
    "AWS::EC2::LaunchTemplate": "ec2:{r}:{a}:launch-template/{}",
    "AWS::EC2::Instance": "ec2:{r}:{a}:instance/{}",
    "AWS::RDS::DBCluster": "rds:{r}:{a}:cluster:{}",
    "AWS::RDS::DBInstance": "rds:{r}:{a}:db:{}",
    "AWS::RDS::DBSubnetGroup": "rds:{r}:{a}:subgrp:{}",
    "AWS::RDS::DBParameterGroup": "rds:{r}:{a}:pg:{}",
    "AWS::RDS::DBClusterParameterGroup": "rds:{r}:{a}:cluster-pg:{}",
    "AWS::IAM::Role": "iam::{a}:role/{}",
    "AWS::IAM::InstanceProfile": "iam::{a}:instance-profile/{}",
    "AWS::Lambda::Function": "lambda:{r}:{a}:function:{}",
    "AWS::SSM::Association": "ssm:{r}:{a}:association/{}",
    "AWS::SSM::Document": "ssm:{r}:{a}:document/{}",
    "AWS::SSM::Parameter": "ssm:{r}:{a}:parameter/{}",
    "AWS::Logs::LogGroup": "logs:{r}:{a}:log-group:{}",
    "AWS::CloudWatch::Alarm": "cloudwatch:{r}:{a}:alarm:{}",
    "AWS::S3::Bucket": "s3:::{}",
    "AWS::DynamoDB::Table": "dynamodb:{r}:{a}:table/{}",
}


def arn(type_: str, physical_id: str, location: AwsLocation) -> str:
    """Return the ARN of a resource; "" if its type and physical id do not determine it."""
    if physical_id.startswith("arn:"):
        return physical_id
    form = _ARNS.get(type_)
    if not form or not physical_id or (not location.account_id and "{a}" in form):
        return ""
    own = physical_id.lstrip("/") if type_ == "AWS::SSM::Parameter" else physical_id
    return f"arn:{location.partition}:" + form.format(own, r=location.region, a=location.account_id)


def _vpc(fragment: str) -> Callable[[str, str], str]:
    return lambda physical_id, region: f"vpcconsole/home?region={region}#{fragment}={physical_id}"


def _ec2(fragment: str) -> Callable[[str, str], str]:
    return lambda physical_id, region: f"ec2/home?region={region}#{fragment}={quote(physical_id, safe=':/')}"


def _rds(is_cluster: bool) -> Callable[[str, str], str]:
    flag = "true" if is_cluster else "false"
    return lambda physical_id, region: f"rds/home?region={region}#database:id={physical_id};is-cluster={flag}"


def _at(form: str) -> Callable[[str, str], str]:
    return lambda physical_id, region: form.format(quote(physical_id, safe=""), r=region)


def _log_group(physical_id: str, region: str) -> str:
    name = quote(quote(physical_id, safe=""), safe="").replace("%", "$")
    return f"cloudwatch/home?region={region}#logsV2:log-groups/log-group/{name}"


_PAGES: Mapping[str, Callable[[str, str], str]] = {
    "AWS::CloudFormation::Stack": _at("cloudformation/home?region={r}#/stacks/stackinfo?stackId={}"),
    "AWS::EC2::VPC": _vpc("VpcDetails:VpcId"),
    "AWS::EC2::Subnet": _vpc("SubnetDetails:subnetId"),
    "AWS::EC2::RouteTable": _vpc("RouteTableDetails:RouteTableId"),
    "AWS::EC2::NatGateway": _vpc("NatGatewayDetails:natGatewayId"),
    "AWS::EC2::InternetGateway": _vpc("InternetGateway:internetGatewayId"),
    "AWS::EC2::SecurityGroup": _ec2("SecurityGroup:groupId"),
    "AWS::EC2::LaunchTemplate": _ec2("LaunchTemplateDetails:launchTemplateId"),
    "AWS::EC2::Instance": _ec2("InstanceDetails:instanceId"),
    "AWS::AutoScaling::AutoScalingGroup": lambda name, region: (
        f"ec2/home?region={region}#AutoScalingGroupDetails:id={quote(name)};view=details"
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _ec2("LoadBalancer:loadBalancerArn"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": _ec2("TargetGroup:targetGroupArn"),
    "AWS::RDS::DBCluster": _rds(True),
    "AWS::RDS::DBInstance": _rds(False),
    "AWS::IAM::Role": _at("iam/home#/roles/details/{}"),
    "AWS::Lambda::Function": _at("lambda/home?region={r}#/functions/{}"),
    "AWS::SSM::Association": _at("systems-manager/state-manager/{}/description?region={r}"),
    "AWS::SSM::Document": _at("systems-manager/documents/{}/description?region={r}"),
    "AWS::SSM::Parameter": _at("systems-manager/parameters/{}/description?region={r}"),
    "AWS::SecretsManager::Secret": _at("secretsmanager/secret?name={}&region={r}"),
    "AWS::S3::Bucket": _at("s3/buckets/{}?region={r}"),
    "AWS::Logs::LogGroup": _log_group,
    "AWS::CloudWatch::Alarm": _at("cloudwatch/home?region={r}#alarmsV2:alarm/{}"),
    "AWS::SNS::Topic": _at("sns/v3/home?region={r}#/topic/{}"),
    "AWS::SQS::Queue": _at("sqs/v3/home?region={r}#/queues/{}"),
}


def page(type_: str, physical_id: str, location: AwsLocation) -> str:
    """Return the address of a resource's page in the AWS console; "" if its type has none."""
    made = _PAGES.get(type_)
    if made is None or not physical_id:
        return ""
    domain = _GOV if location.partition == "aws-us-gov" else _DOMAINS.get(location.partition, _DOMAINS["aws"])
    # IAM has no region.
    host = domain if type_.startswith("AWS::IAM::") else f"{location.region}.{domain}"
    return f"https://{host}/{made(physical_id, location.region)}"


def events_page(resource_name: str, location: AwsLocation) -> str:
    """Return the address of a resource's event history in CloudTrail."""
    if not resource_name:
        return ""
    domain = _GOV if location.partition == "aws-us-gov" else _DOMAINS.get(location.partition, _DOMAINS["aws"])
    name = quote(resource_name, safe="")
    return f"https://{location.region}.{domain}/cloudtrailv2/home?region={location.region}#/events?ResourceName={name}"
