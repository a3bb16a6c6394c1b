"""Lists the resources in an account, so that a test can assert that a delete left none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sandbox_tests.engine.conftest import Account

Listing = Callable[[Account], Iterable[str]]


def pages(account: Account, service: str, method: str, member: str, key: str) -> Iterable[str]:
    """Yield the ids from all pages of a listing."""
    for page in account.client(service).get_paginator(method).paginate():
        for entry in page[member]:
            yield str(entry[key])


def listing(service: str, method: str, member: str, key: str) -> Listing:
    return lambda account: pages(account, service, method, member, key)


def ec2(method: str, member: str, key: str, alive: Callable[[Any], bool] = lambda entry: True) -> Listing:
    def found(account: Account) -> Iterable[str]:
        answer = getattr(account.client("ec2"), method)()
        return [str(entry[key]) for entry in answer[member] if alive(entry)]

    return found


def instances(account: Account) -> Iterable[str]:
    for reservation in account.client("ec2").describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] != "terminated":
                yield instance["InstanceId"]


KINDS: dict[str, Listing] = {
    "VPC": ec2("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": ec2("describe_subnets", "Subnets", "SubnetId"),
    "security group": ec2("describe_security_groups", "SecurityGroups", "GroupId"),
    "route table": ec2("describe_route_tables", "RouteTables", "RouteTableId"),
    "internet gateway": ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "NAT gateway": ec2(
        "describe_nat_gateways", "NatGateways", "NatGatewayId", lambda entry: entry["State"] != "deleted"
    ),
    "address": ec2("describe_addresses", "Addresses", "AllocationId"),
    "network interface": ec2("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    "endpoint": ec2("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "launch template": ec2("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    "instance": instances,
    "load balancer": listing("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"),
    "target group": listing("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    "Auto Scaling group": listing(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"
    ),
    "cluster": listing("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
    "database instance": listing("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    "subnet group": listing("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    "function": listing("lambda", "list_functions", "Functions", "FunctionName"),
    "layer": listing("lambda", "list_layers", "Layers", "LayerName"),
    "association": listing("ssm", "list_associations", "Associations", "AssociationId"),
    "parameter": listing("ssm", "describe_parameters", "Parameters", "Name"),
    "secret": listing("secretsmanager", "list_secrets", "SecretList", "Name"),
    "log group": listing("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "role": listing("iam", "list_roles", "Roles", "RoleName"),
    "instance profile": listing("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    "stack": lambda account: [one["StackName"] for one in account.cloudformation.describe_stacks()["Stacks"]],
}


def taken(account: Account) -> dict[str, set[str]]:
    """Return the ids of all resources in an account by kind."""
    return {kind: set(found(account)) for kind, found in KINDS.items()}
