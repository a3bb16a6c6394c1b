"""A separate AWS account in a running sandbox process for every test, and helpers for its stacks."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox_tests.processes import wait_until
from sandbox_tests.sandboxes import Sandbox

REGION = "ap-northeast-1"
PREFIX = "sets/0123abcd"
IN_PROGRESS = "_IN_PROGRESS"


@dataclass
class Account:
    """An account: its clients, which never retry, and helpers that tests use for stacks."""

    sandbox: Sandbox
    id: str
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, **config: Any) -> Any:
        """Return the client of a service."""
        if service not in self.clients or config:
            self.clients[service] = boto3.client(  # type: ignore[call-overload]
                service,
                region_name=REGION,
                **self.sandbox.credentials(self.id),
                config=Config(retries={"total_max_attempts": 1}, **config),
            )
        return self.clients[service]

    @property
    def bucket(self) -> str:
        """The bucket of the account's templates; bucket names are global, so it contains the account id."""
        return f"sanso-artifacts-{self.id}"

    @property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    def publish(self, **templates: str) -> None:
        """Put templates under the prefix of the bucket, which is created if it does not exist."""
        s3 = self.client("s3")
        if self.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for name, template in templates.items():
            s3.put_object(
                Bucket=self.bucket, Key=f"{PREFIX}/{name}.yaml", Body=textwrap.dedent(template).encode()
            )

    def start(self, name: str, template: str, **options: Any) -> str:
        """Start creating a stack, wait until reads find it, and return its StackId."""
        body = textwrap.dedent(template)
        answer = self.cloudformation.create_stack(StackName=name, TemplateBody=body, **options)
        wait_until(lambda: bool(self.polled(answer["StackId"])), what=f"reads that find {name}")
        return str(answer["StackId"])

    def create(self, name: str, template: str, **options: Any) -> str:
        """Create a stack, wait until it is settled, and return its StackId."""
        stack_id = self.start(name, template, **options)
        self.settled(stack_id)
        return stack_id

    def update(self, stack: str, template: str, **options: Any) -> str:
        """Update a stack, wait until it is settled, and return its status."""
        self.cloudformation.update_stack(StackName=stack, TemplateBody=textwrap.dedent(template), **options)
        return self.settled(stack)

    def delete(self, stack_id: str, **options: Any) -> str:
        """Delete a stack, wait until it is settled, and return its status."""
        self.cloudformation.delete_stack(StackName=stack_id, **options)
        return self.settled(stack_id)

    def settled(self, stack: str) -> str:
        """Wait until a stack is not in progress; return its status."""
        ended: list[str] = []

        def is_over() -> bool:
            status = self.polled(stack)
            ended[:] = [status] if status and not status.endswith(IN_PROGRESS) else []
            return bool(ended)

        wait_until(is_over, what=f"the end of {stack}")
        return ended[0]

    def reaches(self, stack: str, status: str) -> None:
        """Wait until a stack has a status."""
        wait_until(lambda: self.polled(stack) == status, what=f"{status} of {stack}")

    def polled(self, stack: str) -> str:
        """Return a stack's status, "" while CloudFormation does not find the stack or throttles the call."""
        try:
            return self.status(stack)
        except ClientError as error:
            if error.response["Error"]["Code"] == "Throttling" or "does not exist" in str(error):
                return ""
            raise

    def describe(self, stack: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return found

    def status(self, stack: str) -> str:
        return str(self.describe(stack)["StackStatus"])

    def outputs(self, stack: str) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.describe(stack).get("Outputs", [])}

    def parameters(self, stack: str) -> dict[str, str]:
        return {
            one["ParameterKey"]: one["ParameterValue"] for one in self.describe(stack).get("Parameters", [])
        }

    def events(self, stack: str) -> list[dict[str, Any]]:
        """List all events of a stack, oldest first."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def story(self, stack: str, of: str | None = None, since: int = 0) -> list[str]:
        """Return a stack's events as "LOGICAL_ID STATUS reason", with "stack" for the id of the stack itself.

        Args:
            of: include only the events of this logical id ("stack" for the stack itself).
            since: skip this many of the oldest events.
        """
        reported = []
        for event in self.events(stack)[since:]:
            own = event.get("PhysicalResourceId") == event["StackId"]
            who = "stack" if own else event["LogicalResourceId"]
            reason = event.get("ResourceStatusReason", "")
            if of in (None, who):
                reported.append(f"{who} {event['ResourceStatus']} {reason}".rstrip())
        return reported

    def child(self, parent: str, logical_id: str) -> str:
        """Return the StackId of a nested stack, including one that is deleted."""
        resources = self.cloudformation.describe_stack_resources(StackName=parent)["StackResources"]
        return next(
            str(one["PhysicalResourceId"]) for one in resources if one["LogicalResourceId"] == logical_id
        )

    def fail(self, **resources: str | None) -> None:
        """Let resources fail: fail(Queue="no more") or fail(**{"update:Queue": "no more"})."""
        self.sandbox.control("POST", "faults", {"resources": resources}, account=self.id)

    def break_api(self, **fault: Any) -> None:
        """Inject a fault into an API call."""
        self.sandbox.control("POST", "faults", {"api": [fault]}, account=self.id)

    def heal(self) -> None:
        """Remove all faults."""
        self.sandbox.control("DELETE", "faults", account=self.id)

    def pace(self, pace: float) -> None:
        """Set the time scale of the account."""
        self.sandbox.control("POST", "pace", {"pace": pace}, account=self.id)

    def queue_names(self) -> set[str]:
        urls = self.client("sqs").list_queues().get("QueueUrls", [])
        return {url.rsplit("/", 1)[1] for url in urls}

    def parameter(self, name: str) -> str | None:
        """Read an SSM parameter; None if it does not exist."""
        found = self.client("ssm").get_parameters(Names=[name])["Parameters"]
        return str(found[0]["Value"]) if found else None

    def messages(self, queue_url: str) -> list[dict[str, Any]]:
        """Receive and delete all messages that SNS has sent to a queue."""
        taken = []
        while (
            found := self.client("sqs")
            .receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
            .get("Messages")
        ):
            for message in found:
                taken.append(json.loads(message["Body"]))
                self.client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return taken


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str) -> Iterator[Account]:
    """An empty account; its faults are removed after the test."""
    account = Account(sandbox, sandbox_account)
    yield account
    account.heal()
    for client in account.clients.values():
        client.close()


@pytest.fixture
def template_url(account: Account) -> str:
    """The start of the URLs of templates that publish() uploads, virtual-hosted and with a prefix."""
    return f"https://{account.bucket}.s3.{REGION}.amazonaws.com/{PREFIX}"
