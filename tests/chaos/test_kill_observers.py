"""`kill -9` of the worker before and after every AWS call of an observer: health is still observed."""

from __future__ import annotations

import pytest
from django.utils import timezone

from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.models.observing import Observation
from tests.chaos.conftest import Point, calls_of, hold_call, kill_worker_when_all_calls_are_held
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
SOURCE = "fleet"
FLEET = """
Parameters: {Bucket: {Type: String}, Prefix: {Type: String}}
Resources:
  Network: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Network, CidrBlock: 10.0.1.0/24}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: ami-0123456789abcdef0, InstanceType: t4g.micro}}
  AppServers:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      LaunchTemplate: {LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}
      MinSize: "0"
      MaxSize: "2"
      VPCZoneIdentifier: [!Ref Subnet]
"""


@pytest.fixture
def templates() -> dict[str, str]:
    """An Auto Scaling group without instances: it is observed, and the deployment does not wait for it."""
    return {"root.yaml": FLEET}


def test_observers_survive_the_death_of_their_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    (control,) = portal.wait_for_end(portal.deploy())
    assert control.state == State.SUCCEEDED, reason(control)
    seen = Observation.objects.filter(source=SOURCE, observed_at__isnull=False)

    def actions() -> set[str]:
        """Return the observer's actions; its first poll may have preceded the group's creation."""
        calls = calls_of(sandbox, control.environment.account)
        return {call["action"] for call in calls if call["service"] == "autoscaling"}

    wanted = {"DescribeAutoScalingGroups", "DescribeScalingActivities"}
    wait_until(lambda: wanted <= actions(), what="a first poll of the fleet")

    points: list[Point] = [
        ("autoscaling", action, 0, when)
        for action in sorted(actions())
        for when in ("hold_before", "hold_after")
    ]
    accounts = [new_account() for _ in points]
    for account, point in zip(accounts, points, strict=True):
        hold_call(portal, account, point)
    made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
    # A held observer call delays nothing else: the deployments have ended.
    assert [(one.state, reason(one)) for one in made] == [(State.SUCCEEDED, "")] * len(points)
    kill_worker_when_all_calls_are_held(portal, accounts)
    killed = timezone.now()

    environments = [one.environment_id for one in made]
    wait_until(
        lambda: seen.filter(environment__in=environments, observed_at__gt=killed).count() == len(points),
        what="a poll of every fleet",
    )
    found = Observation.objects.filter(source=SOURCE, environment__in=environments)
    assert set(found.values_list("problem_code", flat=True)) == {""}
    with_health = Environment.objects.filter(pk__in=environments, health_at__gt=killed)
    wait_until(lambda: with_health.count() == len(points), what="the health of every environment")
