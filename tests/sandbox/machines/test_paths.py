"""Security groups and routes decide which connections of the deployed environment are possible."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deployments.aws.ec2 import EC2Gateway
from deployments.aws.elbv2 import ELBv2Gateway
from deployments.aws.reachability import blocked
from deployments.health.models.balancing import Target
from deployments.health.steps.observe.paths import missing_of
from tests.message_texts import text_of
from tests.sandbox.machines.conftest import Site
from tests.services import wait_until

WAIT = 3.0  # seconds that a visitor waits for a response
LONG = 60.0  # a connection that no rule allows gets none for 127 s


def group_of(site: Site, tier: str) -> dict[str, Any]:
    """Return a security group of the environment by the tier in its Name tag."""
    filters = [{"Name": "tag:Name", "Values": [f"whole-{tier}"]}]
    (group,) = site.account.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    return dict(group)


@contextmanager
def without(site: Site, tier: str, direction: str, port: int) -> Iterator[None]:
    """Revoke the rules of a tier's group for a port, as the AWS CLI does; authorize them again afterwards."""
    ec2 = site.account.client("ec2")
    group = group_of(site, tier)
    listed = group["IpPermissions" if direction == "ingress" else "IpPermissionsEgress"]
    rules = [rule for rule in listed if rule.get("FromPort") == port]
    assert rules
    revoke = getattr(ec2, f"revoke_security_group_{direction}")
    authorize = getattr(ec2, f"authorize_security_group_{direction}")
    revoke(GroupId=group["GroupId"], IpPermissions=rules)
    try:
        yield
    finally:
        authorize(GroupId=group["GroupId"], IpPermissions=rules)


def named(site: Site, checked: str) -> str:
    """Return what the portal says about the health checks of a tier that time out."""
    arn = site.outputs[f"{checked}TargetGroupArn"]
    (group,) = ELBv2Gateway(site.account.client("elbv2")).target_groups([arn])
    targets = ELBv2Gateway(site.account.client("elbv2")).target_health(arn)
    described = EC2Gateway(site.account.client("ec2")).network_of(targets[0].target_id)
    rows = [
        Target(tier=checked.lower(), target_id=one.target_id, port=one.port, reason=one.reason)
        for one in targets
    ]
    return " ".join(text_of(missing_of(described, group, row)) for row in rows)


@pytest.mark.parametrize(
    ("tier", "direction", "port", "checked"),
    [
        ("alb", "egress", 80, "Web"),
        ("web", "ingress", 80, "Web"),
        ("nlb", "egress", 9090, "App"),
        ("app", "ingress", 9090, "App"),
    ],
)
def test_health_checks_time_out_without_a_rule_for_them(
    site: Site, tier: str, direction: str, port: int, checked: str
) -> None:
    with without(site, tier, direction, port):
        wait_until(lambda: site.states(checked) == ["unhealthy"] * 2, what="unhealthy targets")
        assert {one["Reason"] for one in site.health(checked).values()} == {"Target.Timeout"}
        bound = "outbound" if direction == "egress" else "inbound"
        assert f"no {bound} rule of {group_of(site, tier)['GroupId']} (whole-{tier})" in named(site, checked)
    wait_until(site.is_whole, what="healthy targets again")


def test_a_load_balancer_responds_with_504_when_no_connection_reaches_its_targets(site: Site) -> None:
    with without(site, "web", "ingress", 80):
        wait_until(lambda: site.states("Web") == ["unhealthy"] * 2, what="unhealthy targets")
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.get("read")
        assert refused.value.code == 504
        refused.value.close()
    wait_until(site.is_whole, what="healthy targets again")
    wait_until(lambda: reads(site), what="an answer")


@pytest.mark.parametrize(
    ("tier", "direction", "port"),
    [("alb", "ingress", 80), ("web", "egress", 9090), ("nlb", "ingress", 9090)],
)
def test_a_listener_that_no_rule_opens_is_silent(site: Site, tier: str, direction: str, port: int) -> None:
    """The targets stay healthy: health checks need no inbound rule of the load balancer."""
    wait_until(lambda: reads(site), what="an answer")
    with without(site, tier, direction, port):
        wait_until(lambda: not reads(site), what="a request that gets no response")
        assert site.is_whole()
    wait_until(lambda: reads(site), what="an answer again")


def reads(site: Site, seconds: float = WAIT) -> bool:
    """Return whether the site responds within seconds."""
    try:
        with urllib.request.urlopen(site.outputs["SiteUrl"] + "read", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (TimeoutError, urllib.error.URLError):
        return False


def test_half_of_the_requests_hang_without_the_rule_for_one_zone(site: Site) -> None:
    """A name of a load balancer leads to its interfaces in both zones."""
    ec2 = site.account.client("ec2")
    group = group_of(site, "web")
    (rule,) = [
        {**one, "IpRanges": [zone]}
        for one in group["IpPermissionsEgress"]
        for zone in one["IpRanges"]
        if one.get("FromPort") == 9090 and "first zone" in zone["Description"]
    ]
    ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=[rule])
    try:
        wait_until(lambda: not reads(site), what="a request that hangs")
        wait_until(lambda: reads(site), what="a request that is answered")
    finally:
        ec2.authorize_security_group_egress(GroupId=group["GroupId"], IpPermissions=[rule])


def test_an_app_server_that_is_out_of_service_is_no_client_of_the_load_balancer(site: Site) -> None:
    """It may not connect to it, which is nothing that visitors notice."""
    wait_until(lambda: all(reads(site) for _number in range(5)), what="answers after the test before")
    autoscaling, elbv2 = site.account.client("autoscaling"), site.account.client("elbv2")
    instance = site.machines("uwsgi")[0]["instance"]
    (found,) = autoscaling.describe_auto_scaling_instances(InstanceIds=[instance])["AutoScalingInstances"]
    kept = {"ScalingProcesses": ["HealthCheck", "ReplaceUnhealthy"]}
    target: Any = {
        "TargetGroupArn": site.outputs["AppTargetGroupArn"],
        "Targets": [{"Id": instance, "Port": 9090}],
    }
    autoscaling.suspend_processes(AutoScalingGroupName=found["AutoScalingGroupName"], **kept)
    elbv2.deregister_targets(**target)
    try:
        wait_until(lambda: site.states("App") == ["healthy"], what="a single target")
        assert all(reads(site, LONG) for _number in range(20))
    finally:
        elbv2.register_targets(**target)
        autoscaling.resume_processes(AutoScalingGroupName=found["AutoScalingGroupName"], **kept)
    wait_until(site.is_whole, what="healthy targets again")


PROBE = """
import socket

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

def handler(event, context):
    if "host" not in event:
        wait = event["wait"]
        limits = Config(connect_timeout=wait, read_timeout=wait, retries={"total_max_attempts": 1})
        try:
            return bool(boto3.client("sts", config=limits).get_caller_identity())
        except BotoCoreError:
            return False
    with socket.create_connection((event["host"], event["port"]), event["wait"]) as connection:
        try:
            return bool(connection.recv(1))
        except TimeoutError:
            return False
"""


@pytest.fixture(scope="module")
def probe(site: Site) -> str:
    """A function beside the one that initializes the database; it waits for the database's first byte."""
    lambda_ = site.account.client("lambda")
    (own,) = [
        one for one in lambda_.list_functions()["Functions"] if "InitialiseDatabase" in one["FunctionName"]
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", PROBE)
    lambda_.create_function(
        FunctionName="probe",
        Runtime="python3.13",
        Role=own["Role"],
        Handler="index.handler",
        Timeout=30,
        Code={"ZipFile": content.getvalue()},
        VpcConfig={name: own["VpcConfig"][name] for name in ("SubnetIds", "SecurityGroupIds")},
    )
    return "probe"


def function_reaches_the_database(site: Site, probe: str) -> bool:
    (cluster,) = site.account.client("rds").describe_db_clusters()["DBClusters"]
    return _answer(site, probe, {"host": cluster["Endpoint"], "port": cluster["Port"], "wait": WAIT})


def function_reaches_aws(site: Site, probe: str) -> bool:
    return _answer(site, probe, {"wait": WAIT})


def _answer(site: Site, probe: str, event: dict[str, Any]) -> bool:
    answer = site.account.client("lambda").invoke(FunctionName=probe, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return bool(json.loads(answer["Payload"].read()))


def restart_app_servers(site: Site) -> None:
    """Restart uWSGI, whose connections outlive the rule that allowed them."""
    for machine in site.machines("uwsgi"):
        site.act(machine["instance"], "stop-service")
        wait_until(lambda instance=machine["instance"]: _starts(site, instance), what="a start")  # type: ignore[misc]


def _starts(site: Site, instance: str) -> bool:
    """Return whether uWSGI starts: its address may still be in use on a busy machine."""
    try:
        site.act(instance, "start-service")
    except urllib.error.HTTPError as refused:
        refused.close()
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="finds clients in /proc")
@pytest.mark.parametrize(("tier", "direction"), [("app", "egress"), ("db", "ingress")])
def test_app_servers_get_no_response_of_the_database_without_a_rule(
    site: Site, tier: str, direction: str
) -> None:
    wait_until(lambda: reads(site), what="an answer")
    with without(site, tier, direction, 3306):
        restart_app_servers(site)
        wait_until(lambda: not reads(site), what="a request that gets no response")
        bound = "outbound" if direction == "egress" else "inbound"
        assert f"no {bound} rule of {group_of(site, tier)['GroupId']} (whole-{tier})" in blocked_now(site)
    wait_until(lambda: reads(site), what="an answer again")


@pytest.mark.skipif(sys.platform != "linux", reason="finds clients in /proc")
@pytest.mark.parametrize(("tier", "direction"), [("function", "egress"), ("db", "ingress")])
def test_a_function_gets_no_response_of_the_database_without_a_rule(
    site: Site, probe: str, tier: str, direction: str
) -> None:
    assert function_reaches_the_database(site, probe)
    with without(site, tier, direction, 3306):
        wait_until(lambda: not function_reaches_the_database(site, probe), what="no response")
    wait_until(lambda: function_reaches_the_database(site, probe), what="a response again")


def test_each_database_instance_has_an_interface_with_the_groups_of_its_cluster(site: Site) -> None:
    ec2 = site.account.client("ec2")
    filters = [{"Name": "description", "Values": ["RDSNetworkInterface"]}]
    found = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    instances = site.account.client("rds").describe_db_instances()["DBInstances"]
    assert sorted(one["AvailabilityZone"] for one in found) == sorted(
        one["AvailabilityZone"] for one in instances
    )
    assert {group["GroupId"] for one in found for group in one["Groups"]} == {group_of(site, "db")["GroupId"]}


def pings(site: Site, tier: str) -> list[str]:
    """Return what Systems Manager says about the servers of a tier."""
    rows = site.account.client("ssm").describe_instance_information()["InstanceInformationList"]
    found = {one["InstanceId"]: one["PingStatus"] for one in rows}
    return sorted(found.get(one, "") for one in site.health(tier))


@pytest.mark.parametrize("tier", ["App", "Web"])
def test_servers_without_a_rule_for_https_lose_systems_manager(site: Site, tier: str) -> None:
    wait_until(lambda: pings(site, tier) == ["Online"] * 2, what="connected servers")
    with without(site, tier.lower(), "egress", 443):
        wait_until(lambda: pings(site, tier) == ["ConnectionLost"] * 2, what="lost connections")
        assert f"no outbound rule of {group_of(site, tier.lower())['GroupId']}" in blocked_now(site)
    wait_until(lambda: pings(site, tier) == ["Online"] * 2, what="connected servers again")


def blocked_now(site: Site) -> str:
    """Return what the portal says about the connections of servers and functions after a failure."""
    ec2 = site.account.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["whole"]}])["Vpcs"]
    described = EC2Gateway(ec2).network_in(vpc["VpcId"])
    functions = {
        description: nodes
        for description, nodes in described.others.items()
        if description.startswith("AWS Lambda VPC ENI-")
    }
    clients = {key: [node] for key, node in described.instances.items()} | functions
    databases = {"the database": described.others["RDSNetworkInterface"]}
    return " ".join(
        [
            *blocked.to_databases(described.network, clients, databases, 3306),
            *blocked.to_services(described.network, clients, ["ssm"]),
        ]
    )


def test_a_function_without_a_rule_for_https_gets_no_response_of_aws(site: Site, probe: str) -> None:
    wait_until(lambda: function_reaches_aws(site, probe), what="a response")
    with without(site, "function", "egress", 443):
        wait_until(lambda: not function_reaches_aws(site, probe), what="no response")
        assert f"no outbound rule of {group_of(site, 'function')['GroupId']}" in blocked_now(site)
    wait_until(lambda: function_reaches_aws(site, probe), what="a response again")
    assert blocked_now(site) == ""


@contextmanager
def without_default_route(site: Site, table: str) -> Iterator[str]:
    """Delete the default route of a table, given by its name, and create it again; yield the table's id."""
    ec2 = site.account.client("ec2")
    filters = [{"Name": "tag:Name", "Values": [f"whole-{table}"]}]
    (found,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    (route,) = [one for one in found["Routes"] if one.get("DestinationCidrBlock") == "0.0.0.0/0"]
    key = {"RouteTableId": found["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.delete_route(**key)
    try:
        yield found["RouteTableId"]
    finally:
        gateways = {name: route[name] for name in ("GatewayId", "NatGatewayId") if route.get(name)}
        ec2.create_route(**key, **gateways)


def test_without_the_routes_to_nat_gateways_servers_and_functions_get_no_response_of_aws(
    site: Site, probe: str
) -> None:
    # An app server reads the login from Secrets Manager at its first request.
    wait_until(lambda: all(reads(site) for _number in range(20)), what="answers of both app servers")
    with (
        without_default_route(site, "private-a") as first,
        without_default_route(site, "private-b") as second,
    ):
        wait_until(lambda: pings(site, "App") == ["ConnectionLost"] * 2, what="lost connections")
        wait_until(lambda: not function_reaches_aws(site, probe), what="no response")
        sentences = blocked_now(site)
        assert all(f"route table {table} has no route to" in sentences for table in (first, second))
        wait_until(lambda: reads(site), what="an answer, which needs none of it")
    wait_until(lambda: pings(site, "App") == ["Online"] * 2, what="connected servers again")
    wait_until(lambda: function_reaches_aws(site, probe), what="a response again")


def test_without_the_route_to_the_internet_gateway_nobody_gets_in_or_out(site: Site) -> None:
    wait_until(lambda: reads(site), what="an answer")
    with without_default_route(site, "public") as table:
        wait_until(lambda: not reads(site), what="a request that gets no response")
        wait_until(lambda: pings(site, "Web") == ["ConnectionLost"] * 2, what="lost connections")
        assert f"route table {table} has no route to" in blocked_now(site)
    wait_until(lambda: reads(site), what="an answer again")
    wait_until(lambda: pings(site, "Web") == ["Online"] * 2, what="connected servers again")


def test_nat_gateways_that_are_deleted_let_nobody_out_until_there_are_new_ones(
    site: Site, probe: str
) -> None:
    ec2 = site.account.client("ec2")
    wait_until(lambda: pings(site, "App") == ["Online"] * 2, what="connected servers")
    open_ones = [{"Name": "state", "Values": ["available"]}]
    gateways = ec2.describe_nat_gateways(Filters=open_ones)["NatGateways"]
    for one in gateways:
        ec2.delete_nat_gateway(NatGatewayId=one["NatGatewayId"])
    wait_until(lambda: pings(site, "App") == ["ConnectionLost"] * 2, what="lost connections")
    wait_until(lambda: not function_reaches_aws(site, probe), what="no response")
    sentences = blocked_now(site)
    assert all(f"gateway {one['NatGatewayId']} does not lead to" in sentences for one in gateways)
    for one in gateways:
        _replace_nat_gateway(ec2, one)
    wait_until(lambda: pings(site, "App") == ["Online"] * 2, what="connected servers again")
    wait_until(lambda: function_reaches_aws(site, probe), what="a response again")


def _replace_nat_gateway(ec2: Any, gone: dict[str, Any]) -> None:
    """Create a gateway with the address of one that is gone, and lead its blackhole there."""
    address = gone["NatGatewayAddresses"][0]["AllocationId"]
    wait_until(
        lambda: not ec2.describe_addresses(AllocationIds=[address])["Addresses"][0].get("AssociationId"),
        what="a free address",
    )
    new = ec2.create_nat_gateway(SubnetId=gone["SubnetId"], AllocationId=address)["NatGateway"]
    for table in ec2.describe_route_tables()["RouteTables"]:
        for route in table["Routes"]:
            if route.get("NatGatewayId") == gone["NatGatewayId"]:
                assert route["State"] == "blackhole"
                key = {
                    "RouteTableId": table["RouteTableId"],
                    "DestinationCidrBlock": route["DestinationCidrBlock"],
                }
                ec2.replace_route(**key, NatGatewayId=new["NatGatewayId"])


def test_the_internet_gateway_of_an_environment_cannot_be_detached(site: Site) -> None:
    """Its NAT gateways and its load balancer have public addresses."""
    ec2 = site.account.client("ec2")
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["whole"]}])["Vpcs"]
    attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
    (gateway,) = ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
    with pytest.raises(ClientError, match="mapped public address"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
