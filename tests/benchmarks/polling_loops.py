"""The loops with which other tools follow a deployment, by their published code, reduced to their calls.

A loop gets a client and a stack, and runs until the stack is final. It records the time at which it first
read each event. The source files of each loop are named.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

STACK = "AWS::CloudFormation::Stack"
Client = Any


@dataclass
class Seen:
    """The events that a loop has read, and the seconds from each event's time until it was read."""

    lags: list[float] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def take(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Record new events, and return them oldest first."""
        now = datetime.now().astimezone()
        fresh = [event for event in events if event["EventId"] not in self.ids]
        for event in fresh:
            self.ids.add(event["EventId"])
            self.lags.append((now - event["Timestamp"]).total_seconds())
        return fresh[::-1]


def is_final(client: Client, stack: str) -> bool:
    """Call DescribeStacks once."""
    status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return not status.endswith("_IN_PROGRESS")


def pages(client: Client, stack: str, seen: Seen) -> list[dict[str, Any]]:
    """Read events newest first, page by page, until one that has been read before."""
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = client.describe_stack_events(StackName=stack, **token)
        new = [event for event in answer["StackEvents"] if event["EventId"] not in seen.ids]
        found += new
        if len(new) < len(answer["StackEvents"]) or "NextToken" not in answer:
            return seen.take(found)
        token = {"NextToken": answer["NextToken"]}


def aws_cli(client: Client, stack: str, seen: Seen) -> None:
    """Call DescribeStacks every 30 s (awscli/customizations/cloudformation/deployer.py)."""
    while not is_final(client, stack):
        time.sleep(30)


def sam(client: Client, stack: str, seen: Seen) -> None:
    """Read the root's events every 0.5 s (samcli/lib/deploy/deployer.py)."""
    over = False
    while not over:
        time.sleep(0.5)
        over = any(_ends(event, stack) for event in pages(client, stack, seen))


def sceptre(client: Client, stack: str, seen: Seen) -> None:
    """Read the root and one page of its events every 4 s (sceptre/plan/actions.py)."""
    over = False
    while not over:
        over = is_final(client, stack)
        seen.take(client.describe_stack_events(StackName=stack)["StackEvents"])
        time.sleep(4)


def cdk(client: Client, stack: str, seen: Seen) -> None:
    """Read the events of the root and every live nested stack with pauses of 2 s, and the root every 5 s.

    toolkit-lib/lib/api/stack-events/stack-activity-monitor.ts and stack-event-poller.ts.
    """
    live, done = [stack], set[str]()
    requested, over = time.monotonic(), False
    while not over:
        for one in list(live):
            for event in pages(client, one, seen):
                nested = event.get("PhysicalResourceId", "")
                if event["ResourceType"] != STACK or nested in ("", event["StackId"], *done):
                    continue
                if event["ResourceStatus"].endswith("_IN_PROGRESS"):
                    live += [nested] if nested not in live else []
                elif nested in live:
                    pages(client, nested, seen)
                    live.remove(nested)
                    done.add(nested)
        if time.monotonic() - requested >= 5:
            requested, over = time.monotonic(), is_final(client, stack)
        time.sleep(2)


def rain(client: Client, stack: str, seen: Seen) -> None:
    """Make three calls for the root and for every nested stack, even ended ones, one by one; pause for 2 s.

    internal/aws/cfn/stack.go, cfn.go. It reads resources, not events; the time is that of their last change.
    """
    known: dict[tuple[str, str], str] = {}
    over = False
    while not over:
        stacks, over = [stack], is_final(client, stack)
        for one in stacks:  # grows during the loop
            client.describe_stacks(StackName=one)
            _change_set(client, one)
            for resource in client.describe_stack_resources(StackName=one)["StackResources"]:
                if resource["ResourceType"] == STACK and resource.get("PhysicalResourceId"):
                    stacks.append(resource["PhysicalResourceId"])
                _note(resource, one, known, seen)
        time.sleep(2)


def _note(resource: dict[str, Any], stack: str, known: dict[tuple[str, str], str], seen: Seen) -> None:
    key, status = (stack, resource["LogicalResourceId"]), resource["ResourceStatus"]
    if known.get(key) != status:
        known[key] = status
        now = datetime.now().astimezone()
        seen.lags.append((now - resource["Timestamp"]).total_seconds())


def _change_set(client: Client, stack: str) -> None:
    try:
        client.describe_change_set(StackName=stack, ChangeSetName=f"{stack}-none")
    except ClientError:
        return  # the call counts too: it checks whether there is a change set


def _ends(event: dict[str, Any], stack: str) -> bool:
    of_root = event["PhysicalResourceId"] == event["StackId"] == stack
    return of_root and not event["ResourceStatus"].endswith("_IN_PROGRESS")


LOOPS: dict[str, Callable[[Client, str, Seen], None]] = {
    "AWS CLI": aws_cli,
    "Sceptre": sceptre,
    "CDK": cdk,
    "SAM": sam,
    "rain": rain,
}
