"""Creates the stacks of the release again in the sandbox of this test run, and finds their new names.

A sandbox loses its state when it stops, so the stacks of deployments in progress are gone with the release's.
They are created again from the same artifacts in the same bucket, with the same stack name, change set name,
client token, tags and parameters, until every event that the release had stored has happened. Values that AWS
chooses differ: StackIds, names of nested stacks, physical ids, EventIds, outputs.
`renamed` returns the fixture with the new values.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from deployments.environments.models.accounts import Account
from tests.running import client
from tests.services import Sandbox, wait_until
from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.dump import Dump, Table, set_keys

QUICK, SLOW = 0.2, 3.0
"""Time scales of the sandbox: during the replay, and then until the portal continues."""
CREATED = 300.0
"""Seconds within which stacks reach their earlier status; the machine may be busy."""
STACK_TYPE = "AWS::CloudFormation::Stack"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
Row = dict[str, Any]
Happening = tuple[str, str, str]
"""Path of a stack, logical id of a resource in it ("" is the stack itself), status."""


@dataclass(kw_only=True)
class Replayed:
    """One environment of the fixture whose stacks are created again."""

    sandbox: Sandbox
    dump: Dump
    name: str
    names: dict[str, str] = field(default_factory=dict)
    """The new value of each name that the release had."""
    events: dict[tuple[int, str], str] = field(default_factory=dict)
    """The new EventId, by the key of a stack's row and the EventId of the release."""
    clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dump = self.dump
        self.environment = next(
            row for row in dump.records("deployments_environment") if row["name"] == self.name
        )
        self.root_id = ""  # the new StackId
        rows = dump.records("deployments_deployment")
        self.deployments = [row for row in rows if row["environment_id"] == self.environment["id"]]
        self.creation = next(row for row in self.deployments if row["kind"] == "create")
        self.stacks = [
            stack for row in self.deployments for stack in _of(dump, "deployments_stack", "deployment", row)
        ]
        of_account = (row for row in dump.records("deployments_account"))
        account = next(row for row in of_account if row["id"] == self.environment["account_id"])
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

    def pace(self, pace: float) -> None:
        """Set the time scale of the environment's account."""
        self.sandbox.control("POST", "pace", {"pace": pace}, account=self.number)

    def upload(self, count: int | None = None) -> None:
        """Create the bucket with all artifacts, or with the given number of them."""
        s3, bucket = self.aws("s3"), self.creation["artifact_bucket"]
        region = self.account.region
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        prefix = f"{self.creation['artifact_prefix']}/"
        wanted = [key for key in self.dump.artifacts if key.startswith(prefix)]
        for key in wanted[:count]:
            s3.put_object(Bucket=bucket, Key=key, Body=self.dump.artifacts[key])

    def create_change_set(self) -> None:
        """Create the change set that the release had created, and wait until it is complete.

        Its templates have patterns for parameters that outputs feed. AWS accepted the change set then, so
        placeholders are not validated against patterns here.
        """
        readings = {"patterns_match_placeholders": False}
        self.sandbox.control("POST", "readings", readings, account=self.number)
        key = {"name": "portal", "external_id": self.account.external_id}
        self.sandbox.control("POST", "keys", key, account=self.number)  # creates the account's roles
        row, region = self.creation, self.account.region
        bucket = f"https://{row['artifact_bucket']}.s3.{region}.amazonaws.com"
        tags = {"sanso:environment": _uuid(self.environment["key"]), "sanso:name": self.name}
        cloudformation = self.aws("cloudformation")
        created = cloudformation.create_change_set(
            StackName=self.environment["stack_name"],
            ChangeSetName=f"sanso-{_uuid(row['token'])}",
            ClientToken=_uuid(row["token"]),
            ChangeSetType="CREATE",
            IncludeNestedStacks=True,
            TemplateURL=f"{bucket}/{row['artifact_prefix']}/root.yaml",
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in self._parameters().items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=CAPABILITIES,
            RoleARN=self.account.stack_role_arn,
        )
        self.names[row["change_set_id"]] = created["Id"]
        self.names[self.environment["stack_id"]] = self.root_id = created["StackId"]
        wait_until(
            lambda: self._change_set_status(created["Id"]) == "CREATE_COMPLETE",
            seconds=CREATED,
            what=f"the change set of {self.name}",
        )

    def _change_set_status(self, change_set_id: str) -> str:
        return str(self.aws("cloudformation").describe_change_set(ChangeSetName=change_set_id)["Status"])

    def execute(self) -> None:
        """Execute the change set, with the token that the release had used."""
        self.aws("cloudformation").execute_change_set(
            ChangeSetName=self.names[self.creation["change_set_id"]],
            ClientRequestToken=_uuid(self.creation["token"]),
        )

    def delete(self) -> None:
        """Delete the stack, with the token that the release had used."""
        row = next(row for row in self.deployments if row["kind"] == "delete")
        self.aws("cloudformation").delete_stack(
            StackName=self.root_id, ClientRequestToken=_uuid(row["token"])
        )

    def catch_up(self, kind: str) -> None:
        """Wait for all events that the release stored, of all deployments ("delete") or of the creation."""
        rows = self.deployments if kind == "delete" else [self.creation]
        known = Counter(happening for row in rows for happening, _event in self._known(row))
        wait_until(
            lambda: not known - Counter(happening for happening, _event in self._happened()),
            seconds=CREATED,
            what=f"{self.name} is where it was",
        )

    def match(self) -> None:
        """Find the new value of every name that the release had stored."""
        happened: dict[Happening, list[Row]] = defaultdict(list)
        for happening, event in self._happened():
            happened[happening].append(event)
        seen: Counter[Happening] = Counter()
        for deployment in self.deployments:
            for happening, event in self._known(deployment):
                now = happened[happening][seen[happening]]
                seen[happening] += 1
                self.events[event["stack_id"], event["event_id"]] = now["EventId"]
        self._match_stacks()
        self._match_outputs()

    def _match_stacks(self) -> None:
        stacks: dict[str, str] = {}
        resources: dict[tuple[str, str], str | None] = {}
        for path, stack_id, found in self._tree():
            stacks[path] = stack_id
            resources |= {(path, one["LogicalResourceId"]): one.get("PhysicalResourceId") for one in found}
        for row in self.stacks:
            if row["path"] in stacks:
                stack_id = stacks[row["path"]]
                self.names |= {row["stack_id"]: stack_id, row["name"]: stack_id.split("/")[1]}
            for one in _of(self.dump, "deployments_resource", "stack", row):
                self.names[one["physical_id"]] = resources.get((row["path"], one["logical_id"])) or ""

    def _match_outputs(self) -> None:
        before = json.loads(self.environment["outputs"])
        (stack,) = self.aws("cloudformation").describe_stacks(StackName=self.root_id)["Stacks"]
        for output in stack.get("Outputs", []):
            self.names[before.get(output["OutputKey"], "")] = output["OutputValue"]

    def _parameters(self) -> dict[str, str]:
        given: dict[str, str] = json.loads(self.creation["parameters"])
        small = "Answer" in given
        bucket, prefix = ("Bucket", "Prefix") if small else ("ArtifactBucket", "ArtifactPrefix")
        secret = {"Password": GUEST_PASSWORD} if small else {}
        filled = {bucket: self.creation["artifact_bucket"], prefix: self.creation["artifact_prefix"]}
        return given | secret | filled

    def _known(self, deployment: Row) -> Iterator[tuple[Happening, Row]]:
        """Yield the events that the release had stored, in their order."""
        stacks = {row["id"]: row for row in self.stacks}
        for event in _of(self.dump, "deployments_event", "deployment", deployment):
            if event["source"] == "cloudformation" and event["stack_id"]:
                stack = stacks[event["stack_id"]]
                own = event["physical_id"] == stack["stack_id"] and event["logical_id"] == stack["name"]
                yield (stack["path"], "" if own else event["logical_id"], event["status"]), event

    def _happened(self) -> Iterator[tuple[Happening, Row]]:
        """Yield the events of the sandbox, ordered within each stack."""
        events = self.aws("cloudformation").get_paginator("describe_stack_events")
        for path, stack_id, _resources in self._tree():
            pages = events.paginate(StackName=stack_id)
            for event in reversed([event for page in pages for event in page["StackEvents"]]):
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


def _of(dump: Dump, table: str, parent: str, row: Row) -> list[Row]:
    return [one for one in dump.records(table) if one[f"{parent}_id"] == row["id"]]


def _uuid(text: str) -> str:
    return str(uuid.UUID(text))


def renamed(dump: Dump, replayed: Iterable[Replayed]) -> Dump:
    """Return the fixture with every old name replaced by the new one."""
    names: dict[str, str] = {}
    events: dict[tuple[int, str], str] = {}
    for one in replayed:
        names |= {old: new for old, new in one.names.items() if old and new and old != new}
        events |= one.events

    def event(row: Row) -> Row:
        return row | {"event_id": events.get((row["stack_id"], row["event_id"]), row["event_id"])}

    def stack(row: Row) -> Row:
        return row | {"bookmark": events.get((row["id"], row["bookmark"]), row["bookmark"])}

    tables = dict(dump.tables)
    tables["deployments_event"] = _changed(dump, "deployments_event", event)
    tables["deployments_stack"] = _changed(dump, "deployments_stack", stack)
    tables = {name: _with_names(table, names) for name, table in tables.items()}
    set_keys(tables)
    return replace(dump, tables=tables)


def _changed(dump: Dump, name: str, change: Callable[[Row], Row]) -> Table:
    columns = dump.tables[name].columns
    changed = map(change, dump.records(name))
    return Table(columns=columns, rows=[[row[column] for column in columns] for row in changed])


def _with_names(table: Table, names: dict[str, str]) -> Table:
    if not names:
        return table
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))

    def cell(value: Any) -> Any:
        return pattern.sub(lambda found: names[found[0]], value) if isinstance(value, str) else value

    return replace(table, rows=[[cell(value) for value in row] for row in table.rows])
