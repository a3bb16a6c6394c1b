"""Suspended processes of a group while a server is out of service, and deregistered targets."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network
from sandbox_tests.resources.test_autoscaling import Fleet
from sandbox_tests.resources.test_run_command import user_client

CHECKS = ["HealthCheck", "ReplaceUnhealthy"]


@pytest.fixture
def fleet(account: Account, network: Network) -> Fleet:
    """Two healthy instances behind a network load balancer, without a grace period."""
    fleet = Fleet(account, network, Grace="0")
    wait_until(lambda: fleet.states() == ["healthy", "healthy"], what="healthy targets")
    return fleet


def suspend(fleet: Fleet, *processes: str) -> None:
    fleet.account.client("autoscaling").suspend_processes(
        AutoScalingGroupName=fleet.name, ScalingProcesses=list(processes)
    )


def resume(fleet: Fleet, *processes: str) -> None:
    fleet.account.client("autoscaling").resume_processes(
        AutoScalingGroupName=fleet.name, ScalingProcesses=list(processes)
    )


def suspended(fleet: Fleet) -> dict[str, str]:
    rows = fleet.group()["SuspendedProcesses"]
    return {row["ProcessName"]: row["SuspensionReason"] for row in rows}


def health(fleet: Fleet, instance: str) -> str:
    return next(
        str(one["HealthStatus"]) for one in fleet.group()["Instances"] if one["InstanceId"] == instance
    )


def test_suspended_processes_are_described_until_they_are_resumed(fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html"""
    assert suspended(fleet) == {}
    suspend(fleet, *CHECKS)
    suspend(fleet, "HealthCheck")
    assert set(suspended(fleet)) == set(CHECKS)
    assert all(reason.startswith("User suspended at 2") for reason in suspended(fleet).values())
    resume(fleet, "HealthCheck", "Launch")
    assert set(suspended(fleet)) == {"ReplaceUnhealthy"}
    suspend(fleet)
    assert {"Launch", "Terminate", "AddToLoadBalancer", "AZRebalance"} < set(suspended(fleet))
    resume(fleet)
    assert suspended(fleet) == {}


def test_an_unknown_process_and_an_unknown_group_are_refused(fleet: Fleet) -> None:
    with pytest.raises(ClientError, match="Healthcheck is not a valid scaling process type"):
        suspend(fleet, "Healthcheck")
    with pytest.raises(ClientError, match="name not found"):
        fleet.account.client("autoscaling").resume_processes(AutoScalingGroupName="other")


def test_while_health_checks_are_suspended_nothing_is_replaced(fleet: Fleet) -> None:
    """HealthCheck: it "stops marking instances unhealthy as a result of EC2 and ELB health checks".

    https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
    """
    suspend(fleet, *CHECKS)
    before, one = fleet.members(), min(fleet.members())
    elb = fleet.account.client("elbv2")
    elb.deregister_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    wait_until(lambda: one not in fleet.health(), what="the target's end")
    fleet.account.client("autoscaling").set_desired_capacity(  # makes the group evaluate its instances
        AutoScalingGroupName=fleet.name, DesiredCapacity=3
    )
    wait_until(lambda: fleet.states() == ["healthy"] * 2, what="another instance")
    assert before < fleet.members()
    assert health(fleet, one) == "Healthy"

    elb.register_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    wait_until(lambda: fleet.states() == ["healthy"] * 3, what="the target's return")
    resume(fleet, *CHECKS)
    assert before < fleet.members()


def test_an_instance_that_is_taken_out_of_its_target_group_is_replaced_otherwise(fleet: Fleet) -> None:
    one = min(fleet.members())
    fleet.account.client("elbv2").deregister_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    wait_until(lambda: one not in fleet.members() and len(fleet.members()) == 2, what="a replacement")
    assert any("ELB system health check failure" in activity["Cause"] for activity in fleet.activities())


def test_instances_marked_unhealthy_meanwhile_are_replaced_after_the_resumption(fleet: Fleet) -> None:
    """ReplaceUnhealthy: it "stops replacing instances that are marked as unhealthy"."""
    suspend(fleet, "ReplaceUnhealthy")
    one = min(fleet.members())
    fleet.account.client("ec2").terminate_instances(InstanceIds=[one])
    wait_until(lambda: health(fleet, one) == "Unhealthy", what="the mark")
    assert one in fleet.members()
    resume(fleet, "ReplaceUnhealthy")
    wait_until(lambda: one not in fleet.members() and len(fleet.members()) == 2, what="a replacement")


def test_a_health_check_of_ones_own_counts_while_ec2s_and_elbs_are_suspended(fleet: Fleet) -> None:
    suspend(fleet, "HealthCheck")
    one = min(fleet.members())
    fleet.account.client("autoscaling").set_instance_health(InstanceId=one, HealthStatus="Unhealthy")
    wait_until(lambda: one not in fleet.members() and len(fleet.members()) == 2, what="a replacement")


def test_each_group_and_target_group_needs_its_permission(fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html"""
    group = f"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/{fleet.name}"
    statement = {
        "Effect": "Allow",
        "Action": ["autoscaling:SuspendProcesses", "elasticloadbalancing:RegisterTargets"],
        "Resource": [group, fleet.targets],
    }
    scaling = user_client(fleet.account, "autoscaling", [statement])
    scaling.suspend_processes(AutoScalingGroupName=fleet.name, ScalingProcesses=CHECKS)
    assert set(suspended(fleet)) == set(CHECKS)
    with pytest.raises(ClientError, match=r"autoscaling:ResumeProcesses on resource: .*autoScalingGroup"):
        scaling.resume_processes(AutoScalingGroupName=fleet.name)
    targets = [{"Id": min(fleet.members())}]
    elb = user_client(fleet.account, "elbv2", [statement])
    elb.register_targets(TargetGroupArn=fleet.targets, Targets=targets)
    with pytest.raises(ClientError, match=f"DeregisterTargets on resource: {fleet.targets}"):
        elb.deregister_targets(TargetGroupArn=fleet.targets, Targets=targets)


def test_without_launch_and_terminate_the_number_of_instances_stays(fleet: Fleet) -> None:
    autoscaling = fleet.account.client("autoscaling")
    suspend(fleet, "Launch", "Terminate")
    before = fleet.members()
    autoscaling.set_desired_capacity(AutoScalingGroupName=fleet.name, DesiredCapacity=3)
    assert fleet.members() == before
    resume(fleet, "Launch")
    wait_until(lambda: len(fleet.members()) == 3, what="a third instance")
    autoscaling.set_desired_capacity(AutoScalingGroupName=fleet.name, DesiredCapacity=2)
    assert len(fleet.members()) == 3
    resume(fleet, "Terminate")
    wait_until(lambda: len(fleet.members()) == 2, what="two instances")


def test_a_target_that_is_taken_out_by_hand_drains_and_comes_back_as_new(fleet: Fleet) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html"""
    suspend(fleet, *CHECKS)
    fleet.account.pace(0.4)  # 60 s of draining are 2 s
    one, other = sorted(fleet.members())
    elb = fleet.account.client("elbv2")
    elb.deregister_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    assert fleet.health()[one]["State"] == "draining"
    assert fleet.health()[other]["State"] == "healthy"
    wait_until(lambda: one not in fleet.health(), what="the end of draining")

    elb.register_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    assert fleet.health()[one]["State"] == "initial"
    wait_until(lambda: fleet.health()[one]["State"] == "healthy", what="a healthy target")

    elb.deregister_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    elb.register_targets(TargetGroupArn=fleet.targets, Targets=[{"Id": one}])
    assert fleet.health()[one]["State"] == "initial", "a target that drains comes back as a new one"
