"""A portal of real processes with a small template set, and what AWS says of its deployments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments import catalog
from deployments.models import Deployment, Event, Stack, TemplateCheck
from tests.running import Portal, client
from tests.services import Redis, Sandbox

LEASE = 6.0
ROOT = """
Parameters: {Bucket: {Type: String}, Prefix: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
Outputs:
  Topic: {Value: !Ref Topic}
"""
INNER = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n  Other: {Type: AWS::SNS::Topic}\n"


@pytest.fixture
def portal(
    process_environment: dict[str, str],
    sandbox: Sandbox,
    redis_server: Redis,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Portal]:
    """A running portal with a small template set of two stacks."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "root.yaml").write_text(ROOT)
    (folder / "inner.yaml").write_text(INNER)
    (folder / "template-set.yaml").write_text(
        "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n"
    )
    settings.SANSO_TEMPLATE_SET = folder
    TemplateCheck.objects.create(digest=catalog.load(folder).digest, findings=[])
    environment = process_environment | {
        "SANSO_TEMPLATE_SET": str(folder),
        "SANSO_TICK_LEASE": str(LEASE),
        "SANSO_DISPATCH_INTERVAL": "0.1",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()
    running.let_go()


def assert_whole(deployment: Deployment, sandbox: Sandbox) -> None:
    """Assert that every event is there once, numbered without a gap, and as AWS tells it."""
    events = list(Event.objects.of(deployment))
    assert [event.seq for event in events] == list(range(1, deployment.last_seq + 1))
    told = [(e.stack.stack_id, e.event_id) for e in events if e.source == "cloudformation" and e.stack]
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    happened: set[tuple[str, str]] = set()
    for stack in Stack.objects.of(deployment):
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.stack_id)
        happened |= {(stack.stack_id, event["EventId"]) for page in pages for event in page["StackEvents"]}
    assert len(told) == len(set(told))
    if deployment.kind == "create":
        assert set(told) == happened
    else:
        assert set(told) <= happened


def root_stacks(deployment: Deployment, sandbox: Sandbox) -> list[str]:
    """Return the statuses of every root stack that the account ever had under the environment's name."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    pages = cloudformation.get_paginator("list_stacks").paginate()
    name = deployment.environment.stack_name
    return [s["StackStatus"] for page in pages for s in page["StackSummaries"] if s["StackName"] == name]
