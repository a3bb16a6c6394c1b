"""Brings the servers of a stack that was created again to where a release had left them."""

from __future__ import annotations

import json

from tests.upgrade.matching import Matched, Row, of
from tests.upgrade.replay import CREATED


def replay_servers(replayed: Matched) -> None:
    """Wait until the servers are healthy, find the new ids of those that the release knew, and go on with
    what a release to them had done: it had suspended processes, and taken a server out of its target groups.

    Servers that were broken in a scene are whole.
    """
    groups = {row["name"]: replayed.names.get(row["name"], "") for row in _rows(replayed, "fleetgroup")}
    if not any(groups.values()):
        return
    _wait_until_healthy(replayed)
    known = [row for row in _rows(replayed, "fleetinstance") if row["gone_at"] is None]
    for old, new in groups.items():
        before = sorted(row["instance_id"] for row in known if row["group"] == old)
        replayed.names |= zip(before, _instances(replayed, new), strict=False)
    for deployment in replayed.deployments:
        for release in of(replayed.dump, "deployments_serverrelease", "deployment", deployment):
            if release["is_suspended"]:
                _continue(replayed, release)


def _rows(replayed: Matched, table: str) -> list[Row]:
    return of(replayed.dump, f"deployments_{table}", "environment", replayed.environment)


def _instances(replayed: Matched, group: str) -> list[str]:
    (found,) = replayed.aws("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
        "AutoScalingGroups"
    ]
    return sorted(one["InstanceId"] for one in found["Instances"])


def _wait_until_healthy(replayed: Matched) -> None:
    """Wait until every target is healthy; the sandbox limits the rate of these calls, as AWS does."""
    elbv2 = replayed.aws("elbv2")
    for one in elbv2.describe_target_groups()["TargetGroups"]:
        pace = {"Delay": 1, "MaxAttempts": int(CREATED)}
        elbv2.get_waiter("target_in_service").wait(TargetGroupArn=one["TargetGroupArn"], WaiterConfig=pace)


def _continue(replayed: Matched, release: Row) -> None:
    autoscaling, group = replayed.aws("autoscaling"), replayed.names[release["group"]]
    autoscaling.suspend_processes(
        AutoScalingGroupName=group, ScalingProcesses=json.loads(release["processes"])
    )
    (found,) = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    for server in of(replayed.dump, "deployments_releaseserver", "release", release):
        if server["stage"] == "configuring":
            targets = [{"Id": replayed.names[server["instance_id"]]}]
            for target_group in found["TargetGroupARNs"]:
                replayed.aws("elbv2").deregister_targets(TargetGroupArn=target_group, Targets=targets)
