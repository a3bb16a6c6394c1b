"""Security groups and routes decide which connections of the deployed environment are possible."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deployments.aws.ec2 import EC2Gateway
from deployments.aws.elbv2 import ELBv2Gateway
from deployments.models import Target
from deployments.runner.observe.paths import missing_of
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
