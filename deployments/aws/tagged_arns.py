"""ARNs as the Tagging API returns them, and the type of resource of each."""

from __future__ import annotations

from dataclasses import dataclass

_TYPES = {
    ("autoscaling", "autoScalingGroup"): "AWS::AutoScaling::AutoScalingGroup",
    ("cloudformation", "stack"): "AWS::CloudFormation::Stack",
    ("cloudwatch", "alarm"): "AWS::CloudWatch::Alarm",
    ("dynamodb", "table"): "AWS::DynamoDB::Table",
    ("ec2", "elastic-ip"): "AWS::EC2::EIP",
    ("ec2", "instance"): "AWS::EC2::Instance",
    ("ec2", "internet-gateway"): "AWS::EC2::InternetGateway",
    ("ec2", "launch-template"): "AWS::EC2::LaunchTemplate",
    ("ec2", "natgateway"): "AWS::EC2::NatGateway",
    ("ec2", "network-interface"): "AWS::EC2::NetworkInterface",
    ("ec2", "route-table"): "AWS::EC2::RouteTable",
    ("ec2", "security-group"): "AWS::EC2::SecurityGroup",
    ("ec2", "snapshot"): "AWS::EC2::Snapshot",
    ("ec2", "subnet"): "AWS::EC2::Subnet",
    ("ec2", "volume"): "AWS::EC2::Volume",
    ("ec2", "vpc"): "AWS::EC2::VPC",
    ("elasticloadbalancing", "loadbalancer"): "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ("elasticloadbalancing", "targetgroup"): "AWS::ElasticLoadBalancingV2::TargetGroup",
    ("kms", "key"): "AWS::KMS::Key",
    ("lambda", "function"): "AWS::Lambda::Function",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
    ("rds", "cluster"): "AWS::RDS::DBCluster",
    ("rds", "cluster-snapshot"): "AWS::RDS::DBClusterSnapshot",
    ("rds", "db"): "AWS::RDS::DBInstance",
    ("rds", "snapshot"): "AWS::RDS::DBSnapshot",
    ("s3", ""): "AWS::S3::Bucket",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("sns", ""): "AWS::SNS::Topic",
    ("sqs", ""): "AWS::SQS::Queue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedArn:
    """An ARN, its CloudFormation type, and its name.

    `last` is the part after the last slash or colon, the physical id of many types. If the type is not in the
    table, `type` comes from the ARN: `elasticfilesystem:file-system`.
    """

    text: str
    type: str
    name: str
    last: str

    @property
    def is_stack(self) -> bool:
        """Return whether it is a stack: remaining stacks are known from CloudFormation."""
        return self.type == "AWS::CloudFormation::Stack"


def read_arn(text: str) -> TaggedArn:
    """Return an ARN's parts (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).

    Its last part is `id`, `type/id` or `type:id`; names may contain slashes and colons.
    """
    parts = text.split(":", 5)
    service, rest = (parts[2], parts[5]) if len(parts) == 6 else ("", text)
    at = min((at for at in (rest.find("/"), rest.find(":")) if at >= 0), default=-1)
    word, name = ("", rest) if at < 0 or service in ("s3", "sns", "sqs") else (rest[:at], rest[at + 1 :])
    type_ = _TYPES.get((service, word)) or ":".join(part for part in (service, word) if part)
    return TaggedArn(text=text, type=type_, name=name, last=name.rpartition("/")[2].rpartition(":")[2])
