"""Environments in the sandbox: with the parameters that are off by default, and two in one account.

The environment with the default parameters is tested in tests/sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deployments.template_sets import template_files
from tests.infra.resolved_templates import CHOICES, TEMPLATES
from tests.services import Sandbox, wait_until

REGION = "ap-northeast-1"
TRIAL = {"DeletionProtection": "false", "FinalSnapshot": "false"}
OPTIONS = {
    name: value
    for name, value in CHOICES["options"].items()
    # The sandbox does not support VPC flow logs.
    if name
    not in ("ArtifactBucket", "ArtifactPrefix", "AWS::StackName", "FlowLogs", "AppImageId", "WebImageId")
}


class Account:
    """An account in the sandbox with the artifacts in a bucket."""

    def __init__(self, sandbox: Sandbox, account_id: str) -> None:
        self._sandbox = sandbox
        self._id = account_id
        self.bucket = f"sanso-artifacts-{account_id}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for key, body in template_files.build_objects(template_files.load(TEMPLATES)):
            s3.put_object(Bucket=self.bucket, Key=f"sets/0123abcd/{key}", Body=body)

    def client(self, service: str) -> Any:
        make: Callable[..., Any] = boto3.client
        return make(
            service,
            region_name=REGION,
            **self._sandbox.credentials(self._id),
        )

    def log_bucket(self) -> str:
        """Create a bucket that load balancers may write access logs to; return its name."""
        name, s3 = f"access-logs-{self._id}", self.client("s3")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        return name

    def start(self, name: str, choices: dict[str, str], *, update: bool = False) -> str:
        """Start creating or updating an environment; return its StackId."""
        values = {"ArtifactBucket": self.bucket, "ArtifactPrefix": "sets/0123abcd", **choices}
        cloudformation = self.client("cloudformation")
        change = cloudformation.update_stack if update else cloudformation.create_stack
        stack_id: str = change(
            StackName=name,
            TemplateURL=f"https://{self.bucket}.s3.{REGION}.amazonaws.com/sets/0123abcd/root.yaml",
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
            Capabilities=["CAPABILITY_IAM"],
        )["StackId"]
        return stack_id

    def status(self, stack_id: str) -> str:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
        status: str = stack["StackStatus"]
        return status

    def settled(self, stack_id: str) -> str:
        """Wait for the end of the operation and return the status of the stack."""
        wait_until(lambda: not self.status(stack_id).endswith("IN_PROGRESS"))
        return self.status(stack_id)

    def reasons(self, stack_id: str) -> list[str]:
        """Return the reasons for failures in a stack and its nested stacks, newest first."""
        cloudformation, found = self.client("cloudformation"), []
        for event in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]:
            nested, is_stack = (
                event["PhysicalResourceId"],
                event["ResourceType"] == "AWS::CloudFormation::Stack",
            )
            if event["ResourceStatus"].endswith("_FAILED"):
                reason = event.get("ResourceStatusReason", "")
                found += [] if "cancelled" in reason else [reason]
                if is_stack and nested not in ("", event["StackId"]):
                    found += self.reasons(nested)
        return found

    def outputs(self, stack_id: str) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def let_in(self, group_name: str) -> set[tuple[int, str]]:
        """Return (port, address range or group) of a security group's ingress rules."""
        groups = self.client("ec2").describe_security_groups(
            Filters=[{"Name": "tag:Name", "Values": [group_name]}]
        )["SecurityGroups"]
        return {
            (rule["FromPort"], source)
            for group in groups
            for rule in group["IpPermissions"]
            for source in (
                *(address["CidrIp"] for address in rule["IpRanges"]),
                *(pair["GroupId"] for pair in rule["UserIdGroupPairs"]),
            )
        }

    def alarms(self) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """Return (namespace and metric, values of the dimensions, actions) of each alarm."""
        return [
            (
                f"{alarm['Namespace']} {alarm['MetricName']}",
                tuple(dimension["Value"] for dimension in alarm["Dimensions"]),
                tuple(alarm["AlarmActions"]),
            )
            for alarm in self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        ]

    def metric_names(self) -> set[str]:
        """Return the names that the metrics of the account's load balancers and databases are stored under.

        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
        """
        elbv2, rds = self.client("elbv2"), self.client("rds")
        balancers = elbv2.describe_load_balancers()["LoadBalancers"]
        groups = elbv2.describe_target_groups()["TargetGroups"]
        return {
            *(one["LoadBalancerArn"].partition(":loadbalancer/")[2] for one in balancers),
            *(one["TargetGroupArn"].rpartition(":")[2] for one in groups),
            *(one["DBClusterIdentifier"] for one in rds.describe_db_clusters()["DBClusters"]),
            "READER",
        }

    def nlb_addresses(self) -> set[str]:
        interfaces = self.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
        return {i["PrivateIpAddress"] for i in interfaces if i["Description"].startswith("ELB net/")}


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str) -> Account:
    """An account for this test only."""
    return Account(sandbox, sandbox_account)


def test_with_every_option_on_the_environment_is_created_and_nothing_remains_after_its_deletion(
    account: Account,
) -> None:
    stack_id = account.start("times", {**OPTIONS, "AccessLogBucket": account.log_bucket()})
    assert account.settled(stack_id) == "CREATE_COMPLETE", account.reasons(stack_id)

    assert account.outputs(stack_id)["SiteUrl"] == "https://times.example.com/"
    addresses = account.nlb_addresses()
    assert len(addresses) == 2
    assert account.let_in("times-app") == {(p, f"{a}/32") for p in (9090, 9091) for a in addresses}

    alarms = account.alarms()
    assert {metric for metric, _watched, _actions in alarms} == {
        "AWS/ApplicationELB UnHealthyHostCount",
        "AWS/NetworkELB UnHealthyHostCount",
        "AWS/ApplicationELB HTTPCode_Target_5XX_Count",
        "AWS/ApplicationELB HTTPCode_ELB_5XX_Count",
        "AWS/RDS AuroraReplicaLag",
    }
    assert {actions for _metric, _watched, actions in alarms} == {(OPTIONS["AlarmTopicArn"],)}
    assert {name for _metric, watched, _actions in alarms for name in watched} == account.metric_names()

    account.client("cloudformation").delete_stack(StackName=stack_id)
    assert account.settled(stack_id) == "DELETE_COMPLETE"
    assert account.alarms() == []
    assert account.client("rds").describe_db_cluster_snapshots()["DBClusterSnapshots"] == []
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []
    assert account.client("lambda").list_functions()["Functions"] == []


def test_another_access_rule_is_refused_since_it_would_replace_the_nlb(account: Account) -> None:
    """A target group belongs to one load balancer; the new NLB is created before the old one is deleted."""
    stack_id = account.start("times", {**TRIAL, "AppServersAdmit": "addresses"})
    assert account.settled(stack_id) == "CREATE_COMPLETE"
    before = account.outputs(stack_id)["NlbDnsName"]

    account.start("times", {**TRIAL, "AppServersAdmit": "security-group"}, update=True)
    assert account.settled(stack_id) == "UPDATE_ROLLBACK_COMPLETE"

    reasons = account.reasons(stack_id)
    assert any("associated with more than one load balancer" in reason for reason in reasons)
    assert account.outputs(stack_id)["NlbDnsName"] == before


def test_two_environments_can_be_created_in_one_account(account: Account) -> None:
    stacks = {name: account.start(name, TRIAL) for name in ("blue", "green")}
    assert {account.settled(stack_id) for stack_id in stacks.values()} == {"CREATE_COMPLETE"}

    ssm, autoscaling = account.client("ssm"), account.client("autoscaling")
    for stack_id in stacks.values():
        outputs = account.outputs(stack_id)
        for tier in ("Web", "App"):
            (group,) = autoscaling.describe_auto_scaling_groups(
                AutoScalingGroupNames=[outputs[f"{tier}AutoScalingGroupName"]]
            )["AutoScalingGroups"]
            executions = ssm.describe_association_executions(AssociationId=outputs[f"{tier}AssociationId"])
            configured = {
                target["ResourceId"]
                for execution in executions["AssociationExecutions"]
                for target in ssm.describe_association_execution_targets(
                    AssociationId=outputs[f"{tier}AssociationId"], ExecutionId=execution["ExecutionId"]
                )["AssociationExecutionTargets"]
            }
            assert configured == {instance["InstanceId"] for instance in group["Instances"]}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"FinalSnapshot": "false"}, "Turn off its deletion protection, too"),
        ({"SecondZone": "0"}, "must be different"),
        ({"UwsgiPort": "9091"}, "must be different"),
        ({"WebInstanceType": "t3.micro"}, "Graviton"),
    ],
)
def test_incompatible_parameters_are_rejected_before_anything_is_created(
    account: Account, choices: dict[str, str], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        account.start("times", choices)
