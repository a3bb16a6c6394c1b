"""Groups, instances and activities, in the API's own shapes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from deployments.aws.autoscaling import AutoScalingGateway, Group, GroupInstance
from deployments.common.errors import AwsNotFound
from tests.aws.conftest import Stub
from tests.builders import START


def group(name: str, **values: Any) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": name,
        "MinSize": 1,
        "MaxSize": 4,
        "DesiredCapacity": 2,
        "DefaultCooldown": 300,
        "AvailabilityZones": ["ap-northeast-1a"],
        "HealthCheckType": "ELB",
        "CreatedTime": START,
    } | values


def activity(number: int, **values: Any) -> dict[str, Any]:
    return {
        "ActivityId": f"a-{number}",
        "AutoScalingGroupName": "web",
        "Cause": "an instance was started in response to a difference",
        "StartTime": START + timedelta(seconds=number),
        "StatusCode": "InProgress",
    } | values


def test_a_group_is_read_with_its_instances(stub: Stub) -> None:
    client, stubber = stub("autoscaling")
    instance = {
        "InstanceId": "i-1",
        "AvailabilityZone": "ap-northeast-1a",
        "LifecycleState": "Terminating:Wait",
        "HealthStatus": "Unhealthy",
        "ProtectedFromScaleIn": False,
    }
    template = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web", "Version": "7"}
    stubber.add_response(
        "describe_auto_scaling_groups",
        {
            "AutoScalingGroups": [
                group(
                    "web",
                    Instances=[
                        instance | {"LaunchTemplate": template, "InstanceType": "t4g.small"},
                        instance,
                    ],
                )
            ],
            "NextToken": "more",
        },
        {"AutoScalingGroupNames": ["web", "app"], "MaxRecords": 100},
    )
    stubber.add_response(
        "describe_auto_scaling_groups",
        {"AutoScalingGroups": [group("app")]},
        {"AutoScalingGroupNames": ["web", "app"], "MaxRecords": 100, "NextToken": "more"},
    )

    web, app = AutoScalingGateway(client).groups(["web", "app"])

    assert (web.desired, web.minimum, web.maximum) == (2, 1, 4)
    assert web.instances[0] == GroupInstance(
        instance_id="i-1",
        zone="ap-northeast-1a",
        lifecycle="Terminating:Wait",
        health="Unhealthy",
        launch_template_version="7",
        instance_type="t4g.small",
    )
    assert (web.instances[1].launch_template_version, web.instances[1].instance_type) == ("", "")
    assert app == Group(name="app", desired=2, minimum=1, maximum=4)


def test_groups_are_described_a_hundred_per_call_and_no_names_cost_no_call(stub: Stub) -> None:
    client, stubber = stub("autoscaling")
    names = [f"g-{number}" for number in range(150)]
    for chunk in (names[:100], names[100:]):
        stubber.add_response(
            "describe_auto_scaling_groups",
            {"AutoScalingGroups": [group(name) for name in chunk]},
            {"AutoScalingGroupNames": chunk, "MaxRecords": 100},
        )

    assert [found.name for found in AutoScalingGateway(client).groups(names)] == names
    assert AutoScalingGateway(client).groups([]) == []


def test_the_last_activities_are_returned_newest_first_up_to_the_limit(stub: Stub) -> None:
    client, stubber = stub("autoscaling")
    ended = activity(
        4,
        StatusCode="Failed",
        Progress=100,
        Description="Launching a new EC2 instance",
        StatusMessage="We currently do not have sufficient capacity",
        EndTime=START + timedelta(seconds=5),
    )
    expected = {"AutoScalingGroupName": "web", "MaxRecords": 3}
    stubber.add_response(
        "describe_scaling_activities", {"Activities": [ended, activity(3)], "NextToken": "more"}, expected
    )
    stubber.add_response(
        "describe_scaling_activities",
        {"Activities": [activity(2), activity(1)], "NextToken": "even more"},
        expected | {"NextToken": "more"},
    )

    first, second, third = AutoScalingGateway(client).activities("web", 3)

    assert (first.status, first.progress, first.message) == ("Failed", 100, ended["StatusMessage"])
    assert first.ended_at == START + timedelta(seconds=5)
    assert (second.description, second.message, second.progress, second.ended_at) == ("", "", 0, None)
    assert third.activity_id == "a-2"


def test_a_deleted_group_is_not_found(stub: Stub) -> None:
    client, stubber = stub("autoscaling")
    stubber.add_client_error(
        "describe_scaling_activities", "ValidationError", "AutoScalingGroup name not found - null"
    )
    with pytest.raises(AwsNotFound):
        AutoScalingGateway(client).activities("web", 10)
