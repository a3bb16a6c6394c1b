"""Finds in the sandbox of this test run the new value of every name that a release stored of its stacks."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from deployments.changes.shared.approvals import deletion_digest
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from tests.running import client
from tests.services import Sandbox
from tests.upgrade.dump import Dump

STACK_TYPE = "AWS::CloudFormation::Stack"
Row = dict[str, Any]
Happening = tuple[str, str, str]
"""Path of a stack, logical id of a resource in it ("" is the stack itself), status."""
Seen = set[tuple[str, str]]
"""StackIds and EventIds of events."""


@dataclass(kw_only=True)
class Matched:
    """One environment of the fixture, and its stacks in the sandbox."""

    sandbox: Sandbox
    dump: Dump
    name: str
    names: dict[str, str] = field(default_factory=dict)
    """The new value of each name that the release had."""
    events: dict[tuple[int, str], str] = field(default_factory=dict)
    """The new EventId, by the key of a stack's row and the EventId of the release."""
    changes: dict[int, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    """The status changes of a stack with AWS's times of now in milliseconds, by the key of its row."""
    clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dump = self.dump
        environments = dump.records("deployments_environment")
        # The last one: a scene that was played again deleted the environment of the first time.
        *_, self.environment = (row for row in environments if row["name"] == self.name)
        self.root_id = ""  # the new StackId
        self.deployments = of(dump, "deployments_deployment", "environment", self.environment)
        keys = {row["id"] for row in self.deployments}
        of_environment = (row for row in dump.records("deployments_stack") if row["deployment_id"] in keys)
        self._stacks = {row["id"]: row for row in of_environment}
        self._stored: dict[int, list[Row]] = defaultdict(list)
        for row in dump.records("deployments_event"):
            if row["source"] == "cloudformation" and row["stack_id"] in self._stacks:
                self._stored[row["deployment_id"]].append(row)
        accounts = dump.records("deployments_account")
        account = next(row for row in accounts if row["id"] == self.environment["account_id"])
        self.account = Account(
            region=account["region"],
            is_sandbox=True,
            sandbox_account_id=account["sandbox_account_id"],
            external_id=account["external_id"],
        )

    @property
    def number(self) -> str:
        """Return the account's twelve digits."""
        return str(self.account.sandbox_account_id)

    def aws(self, service: str) -> Any:
        """Return a boto3 client of the environment's account, with a key that the sandbox issued."""
        if service not in self.clients:
            self.clients[service] = client(self.account, service, self.sandbox)
        return self.clients[service]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the sandbox's control API for the environment's account."""
        return self.sandbox.control(method, path, body, account=self.number)

    def match_events(self, row: Row, happened: Iterable[tuple[Happening, Row]]) -> None:
        """Find the new EventIds and times of a deployment among the events that have happened in it."""
        found: dict[Happening, list[Row]] = defaultdict(list)
        for happening, event in happened:
            found[happening].append(event)
        for happening, event in self.known(row):
            if not found[happening]:
                continue
            now, stack = found[happening].pop(0), event["stack_id"]
            self.events[stack, event["event_id"]] = now["EventId"]
            if not happening[1]:
                self.changes[stack].append((int(now["Timestamp"].timestamp() * 1000), happening[2]))

    def match_state(self, stored: str) -> None:
        """Find the new time of the stack's last update, by which Sanso recognizes its state."""
        updated = json.loads(stored).get("updated", "")
        if updated and updated not in self.names:
            self.names[updated] = self.root()["LastUpdatedTime"].isoformat()

    def match(self) -> None:
        """Find the new value of what the rows have of the current state of the stacks."""
        self.match_state(self.environment["known_stack"])
        self._match_stacks()
        self._match_outputs()
        self._match_deletions()

    def _match_stacks(self) -> None:
        stacks: dict[str, str] = {}
        resources: dict[tuple[str, str], str | None] = {}
        for path, stack_id, found in self._tree():
            stacks[path] = stack_id
            resources |= {(path, one["LogicalResourceId"]): one.get("PhysicalResourceId") for one in found}
        for row in self._stacks.values():
            if row["path"] in stacks:
                stack_id = stacks[row["path"]]
                self.names |= {row["stack_id"]: stack_id, row["name"]: stack_id.split("/")[1]}
        for one in self.dump.records("deployments_resource"):
            if stack := self._stacks.get(one["stack_id"]):
                self.names[one["physical_id"]] = resources.get((stack["path"], one["logical_id"])) or ""

    def _match_outputs(self) -> None:
        before = json.loads(self.environment["outputs"])
        for output in self.root().get("Outputs", []):
            self.names[before.get(output["OutputKey"], "")] = output["OutputValue"]

    def _match_deletions(self) -> None:
        """Find the new digest of what a deletion that waits for its approval would delete."""
        about = {"latest_id": self.environment["latest_id"]}
        before = Environment(stack_id=self.environment["stack_id"], **about)
        for row in self.deployments:
            if row["kind"] == "delete" and row["preview_digest"]:
                unprotect = bool(row["unprotect"])
                assert deletion_digest(before, unprotect=unprotect) == row["preview_digest"]
                now = Environment(stack_id=self.root_id, **about)
                self.names[row["preview_digest"]] = deletion_digest(now, unprotect=unprotect)

    def root(self) -> Row:
        """Return the root stack."""
        name = self.root_id or self.environment["stack_name"]
        (stack,) = self.aws("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return dict(stack)

    def known(self, deployment: Row) -> Iterator[tuple[Happening, Row]]:
        """Yield the events that the release had stored, in their order."""
        for event in self._stored[deployment["id"]]:
            stack = self._stacks[event["stack_id"]]
            own = event["physical_id"] == stack["stack_id"] and event["logical_id"] == stack["name"]
            yield (stack["path"], "" if own else event["logical_id"], event["status"]), event

    def happened(self, before: Collection[tuple[str, str]] = ()) -> Iterator[tuple[Happening, Row]]:
        """Yield the events of the sandbox that are not in `before`, ordered within each stack."""
        events = self.aws("cloudformation").get_paginator("describe_stack_events")
        for path, stack_id, _resources in self._tree():
            pages = events.paginate(StackName=stack_id)
            for event in reversed([event for page in pages for event in page["StackEvents"]]):
                if (stack_id, event["EventId"]) not in before:
                    own = event.get("PhysicalResourceId") == stack_id
                    yield (path, "" if own else event["LogicalResourceId"], event["ResourceStatus"]), event

    def _tree(self) -> Iterator[tuple[str, str, list[Row]]]:
        """Yield path, StackId and resources of each stack, parents first."""
        pages = self.aws("cloudformation").get_paginator("list_stack_resources")
        queue = [("", self.root_id)]
        while queue:
            path, stack_id = queue.pop(0)
            listed = pages.paginate(StackName=stack_id)
            found = [one for page in listed for one in page["StackResourceSummaries"]]
            yield path, stack_id, found
            for one in found:
                if one["ResourceType"] == STACK_TYPE and one.get("PhysicalResourceId"):
                    below = f"{path}/{one['LogicalResourceId']}".lstrip("/")
                    queue.append((below, one["PhysicalResourceId"]))


def of(dump: Dump, table: str, parent: str, row: Row) -> list[Row]:
    """Return the rows of a table that belong to a row."""
    return [one for one in dump.records(table) if one[f"{parent}_id"] == row["id"]]
