"""An environment with two servers in memory, and steps of its releases until the servers are done."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.aws.autoscaling import Group, GroupInstance
from deployments.aws.elbv2 import TargetHealth
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.releases.models import ReleaseServer
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.fake_services import SentCommand
from tests.fakes import FakeAws
from tests.stepping import run, take_step

GROUP, TARGETS, ASSOCIATION = "group-1", "arn:targets", "association-1"
CODE, OTHER = "playbook/app/datelog/page.py", "playbook/tasks/service.yml"
ROOT = """
Parameters: {Bucket: {Type: String}, Prefix: {Type: String}, Size: {Type: Number, Default: 2}}
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.amazonaws.com/${Prefix}/servers.yaml
"""
SERVERS = """
Resources:
  Group: {Type: AWS::AutoScaling::AutoScalingGroup, Properties: {MinSize: 2, MaxSize: 2}}
"""
MANIFEST = """
root: root.yaml
bucket_parameter: Bucket
prefix_parameter: Prefix
release: {artifacts: [playbook.zip], servers: Network, code: ["app/datelog/*"]}
"""
OUTPUT = """
TASK [Compile and load the release] *********************************************
fatal: [localhost]: FAILED! => {"msg": "no module named datelog.page"}

PLAY RECAP **********************************************************************
localhost : ok=9    changed=1    unreachable=0    failed=1
"""


def put(path: Path, text: str) -> None:
    """Write a file with a fixed time, so that the archive of a set is the same in every test."""
    path.write_text(text)
    os.utime(path, (1_700_000_000 + len(text), 1_700_000_000 + len(text)))


def make_servers(aws: FakeAws, *ids: str, desired: int | None = None) -> None:
    aws.scaling_groups[GROUP] = Group(
        name=GROUP,
        desired=desired or len(ids),
        minimum=len(ids),
        maximum=len(ids),
        target_groups=(TARGETS,),
        instances=tuple(
            GroupInstance(instance_id=one, zone="a", lifecycle="InService", health="Healthy") for one in ids
        ),
    )
    aws.targets[TARGETS] = [
        TargetHealth(target_group_arn=TARGETS, target_id=one, port=9090, state="healthy") for one in ids
    ]


def write(settings: Settings, name: str, text: str) -> None:
    put(Path(settings.SANSO_TEMPLATE_SET) / name, text)
    digest = template_files.load(Path(settings.SANSO_TEMPLATE_SET)).digest
    TemplateCheck.objects.get_or_create(digest=digest, defaults={"findings": []})


def previewed(shop: Environment, user: User, aws: FakeAws) -> Deployment:
    environment = Environment.objects.for_page().get(pk=shop.pk)
    requested = request_change(
        user=user, environment=environment, parameters={"Size": "2"}, reason="", request_key=uuid.uuid4()
    )
    return run(requested, aws, until=lambda d: d.state == State.PREVIEW or not d.is_active)


def apply(deployment: Deployment, user: User) -> Deployment:
    return apply_change(user=user, deployment=deployment, digest=deployment.preview_digest)


def go(
    deployment: Deployment,
    aws: FakeAws,
    until: Callable[[Deployment], bool] = lambda d: d.state == State.STACKS or not d.is_active,
) -> Deployment:
    """Take steps, each a minute after the previous one, until the servers are done."""
    for _ in range(200):
        row = Deployment.objects.get(pk=deployment.pk)
        if until(row):
            return Deployment.objects.for_page().get(pk=deployment.pk)
        take_step(row, aws)
        for server in ReleaseServer.objects.all():
            before = server.stage_at - timedelta(seconds=60)
            ReleaseServer.objects.filter(pk=server.pk).update(stage_at=before)
    raise AssertionError([str(one) for one in ReleaseServer.objects.all()])


def released(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws, name: str = CODE
) -> Deployment:
    write(settings, name, "changed\n")
    return apply(previewed(shop, operator, aws), operator)


def stages(deployment: Deployment) -> dict[str, str]:
    rows = ReleaseServer.objects.filter(release__deployment=deployment)
    return dict(rows.values_list("instance_id", "stage"))


def fail_on(aws: FakeAws, instance_id: str) -> None:
    def fail(command: SentCommand) -> None:
        if command.instance_id == instance_id:
            command.status, command.output = "Failed", OUTPUT

    aws.after_command = fail


class KilledWorker(BaseException):
    """Simulates the death of a worker: no code catches it, so the step writes nothing more."""
