"""A portal in real processes with a small template set, and assertions about its deployments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from deployments import dispatcher
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.observers import OBSERVED
from deployments.health.models.observing import Observer
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.running import Portal, client, new_account
from tests.services import Redis, Sandbox, wait_until

LEASE = 6.0
Point = tuple[str, str, int, str]
"""Service, action, number of such calls to let through first, hold_before or hold_after."""
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Protection: {Type: String, Default: "true", AllowedValues: ["true", "false"]}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Protection}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
Outputs:
  Topic: {Value: !Ref Topic}
"""
INNER = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n  Other: {Type: AWS::SNS::Topic}\n"


@pytest.fixture
def templates() -> dict[str, str]:
    """The files of the template set."""
    return {"root.yaml": ROOT, "inner.yaml": INNER}


@pytest.fixture
def portal(
    templates: dict[str, str],
    process_environment: dict[str, str],
    sandbox: Sandbox,
    redis_server: Redis,
    settings: Settings,
    tmp_path: Path,
) -> Iterator[Portal]:
    """A running portal with a small template set."""
    folder = tmp_path / "small"
    folder.mkdir()
    for name, text in templates.items():
        (folder / name).write_text(text)
    protection = "protection_parameter: Protection\n" if "\n  Protection:" in templates["root.yaml"] else ""
    (folder / "template-set.yaml").write_text(
        f"root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\n{protection}"
        + templates.get("template-set.yaml", "")
    )
    settings.SANSO_TEMPLATE_SET = folder
    TemplateCheck.objects.create(digest=template_files.load(folder).digest, findings=[])
    environment = process_environment | {
        "SANSO_TEMPLATE_SET": str(folder),
        "SANSO_TICK_LEASE": str(LEASE),
        "SANSO_DISPATCH_INTERVAL": "0.3",
        "SANSO_DATA_DIR": str(tmp_path / "data"),
    }
    running = Portal(environment, tmp_path, sandbox)
    running.start()
    yield running
    running.stop()
    running.release_held_calls()


def unobserved_account() -> Account:
    """Return a sandbox account whose observers have paused.

    Each would poll every second, which takes a third of the time of a worker that is killed for other calls.
    The dispatcher may have created them, and a step of one may be in progress.
    """
    account = new_account()
    rows = [Observer(account=account, source=one) for one in OBSERVED]
    Observer.objects.bulk_create(rows, ignore_conflicts=True)
    later = timezone.now() + timedelta(hours=1)
    Observer.objects.filter(account=account).update(due_at=later, version=F("version") + 1)
    return account


def calls_of(sandbox: Sandbox, account: Account, since: int = 0) -> list[dict[str, Any]]:
    """Return the calls to an account, without the first `since`."""
    answer = sandbox.control("GET", "calls", account=account.sandbox_account_id)
    assert isinstance(answer, dict)
    calls: list[dict[str, Any]] = answer["calls"]
    return calls[since:]


def hold_call(portal: Portal, account: Account, point: Point) -> None:
    """Make the sandbox hold a call before or after executing it.

    Up to a hundred times, because a step that runs after the lease has expired must be held as well.
    """
    service, action, skip, mode = point
    fault = {"service": service, "action": action, "mode": mode, "skip": skip, "count": 100}
    portal.faults(account, fault)


def kill_worker_when_all_calls_are_held(portal: Portal, accounts: list[Account]) -> None:
    """Kill the worker when a call of every account is held, and start another one."""
    wanted = {account.sandbox_account_id for account in accounts}
    wait_until(
        lambda: wanted <= {request["account"] for request in portal.held()},
        what="a held call of every account",
    )
    replace_worker(portal)


def replace_worker(portal: Portal) -> None:
    """Kill the worker at the calls that are held, and start another one as if the leases had expired.

    `test_kill_worker` has a test that waits until one does.
    """
    portal.worker.kill()
    portal.release_held_calls()
    now = timezone.now()
    for rows, _task in dispatcher.kinds():
        rows.filter(due_at__gt=now, due_at__lte=now + timedelta(seconds=LEASE)).update(due_at=now)
    portal.start()


def assert_complete_log(deployment: Deployment, sandbox: Sandbox) -> None:
    """Assert that the log has every event of AWS once, numbered without gaps."""
    events = list(Event.objects.of(deployment))
    # The search for remaining resources may have added one since the row was read.
    assert len(events) >= deployment.last_seq
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    logged = [(e.stack.stack_id, e.event_id) for e in events if e.source == "cloudformation" and e.stack]
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    happened: set[tuple[str, str]] = set()
    for stack in Stack.objects.of(deployment):
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.stack_id)
        happened |= {(stack.stack_id, event["EventId"]) for page in pages for event in page["StackEvents"]}
    assert len(logged) == len(set(logged))
    if deployment.kind == "create":
        assert set(logged) == happened
    else:
        assert set(logged) <= happened


def root_stacks(deployment: Deployment, sandbox: Sandbox) -> list[str]:
    """Return the statuses of all root stacks that the environment has had."""
    cloudformation = client(deployment.environment.account, "cloudformation", sandbox)
    pages = cloudformation.get_paginator("list_stacks").paginate()
    name = deployment.environment.stack_name
    return [s["StackStatus"] for page in pages for s in page["StackSummaries"] if s["StackName"] == name]
