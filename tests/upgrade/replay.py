"""Does again in the sandbox of this test run what a release had done in an account, and finds the new names.

A sandbox loses its state when it stops, so the stacks of deployments in progress are gone with the release's.
They are created again from the same artifacts in the same bucket, with the same stack name, change set names,
client tokens, tags and parameters; then each later deployment of the environment is done again, failures
included, the one in progress until every event that the release had stored has happened. Values that AWS
chooses differ: StackIds, names of nested stacks, physical ids, EventIds, outputs, times of updates.
`tests/upgrade/renaming.py` returns the fixture with the new values.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from deployments.cloudformation.status import is_final
from deployments.common.models.encryption import decrypt_values
from deployments.environments.rules.phases import State
from deployments.template_sets import template_files
from tests.services import wait_until
from tests.upgrade import GUEST_PASSWORD
from tests.upgrade.matching import Happening, Matched, Row, Seen

QUICK, STOPPED = 0.2, 1_000.0
"""Time scales of the sandbox: until a deployment is where it was, and then until the portal continues."""
CREATED = 300.0
"""Seconds within which stacks reach their earlier status; the machine may be busy."""
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
UPLOADED = {"at-artifacts": 2, "new-at-artifacts": 1}
"""How many objects were in the bucket when uploading one failed, by the name of the environment."""
INJECTED = re.compile(r'Resource handler returned message: "(.*)" \(RequestToken')
"""The reason of a resource that failed because of a fault of the scene."""
FAULT_OF = {"CREATE_FAILED": "", "UPDATE_FAILED": "update:", "DELETE_FAILED": "delete:"}


@dataclass(kw_only=True)
class Replayed(Matched):
    """One environment of the fixture whose stacks are created again."""

    pace_in_progress: float = QUICK
    uploaded: set[str] = field(default_factory=set)
    """The keys of the artifacts in the bucket."""

    def pace(self, pace: float) -> None:
        """Set the time scale of the environment's account."""
        self.control("POST", "pace", {"pace": pace})

    def replay(self) -> None:
        """Do again what the release had done in AWS, and find the new value of every name that it stored.

        Its templates have patterns for parameters that outputs feed. AWS accepted the change sets then, so
        placeholders are not validated against patterns here.
        """
        self.control("POST", "readings", {"patterns_match_placeholders": False})
        key = {"name": "portal", "external_id": self.account.external_id}
        self.control("POST", "keys", key)  # creates the account's roles
        self.names[self.environment["sandbox_run"]] = self.control("GET", "about")["instance_id"]
        for row in self.deployments:
            is_begun = any(self.known(row))
            if row["artifact_bucket"] and (is_begun or not _is_gone(row)):
                self._upload(row)
                if row["change_set_id"]:
                    self._create_change_set(row)
            if is_begun:
                self._operate(row)
        if self.root_id:
            self.match()

    def _upload(self, row: Row) -> None:
        """Upload the artifacts of a deployment; those that the release had uploaded, if it did not end."""
        s3, bucket, region = self.aws("s3"), row["artifact_bucket"], self.account.region
        if row["kind"] == "create":
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        count = UPLOADED.get(self.name, 0) if row["state"] == State.ARTIFACTS else None
        for name, body in list(self._objects(row))[:count]:
            key = f"{row['artifact_prefix']}/{name}"
            if key not in self.uploaded:
                s3.put_object(Bucket=bucket, Key=key, Body=body)
                self.uploaded.add(key)

    def _objects(self, row: Row) -> Iterator[tuple[str, bytes]]:
        """Yield the artifacts of a deployment: those in the fixture, else those of the stored set."""
        prefix = f"{row['artifact_prefix']}/"
        found = [key for key in self.dump.artifacts if key.startswith(prefix)]
        yield from ((key.removeprefix(prefix), self.dump.artifacts[key]) for key in found)
        if not found:
            sets = self.dump.records("deployments_deployedset")
            archive = next(one["archive"] for one in sets if one["digest"] == row["template_digest"])
            yield from template_files.build_objects(template_files.unpacked(archive))

    def _create_change_set(self, row: Row) -> None:
        """Create the change set that the release had created, and wait until it is complete."""
        is_creation, token = row["kind"] == "create", _uuid(row["token"])
        bucket = f"https://{row['artifact_bucket']}.s3.{self.account.region}.amazonaws.com"
        tags = {"sanso:environment": _uuid(self.environment["key"]), "sanso:name": self.name}
        cloudformation = self.aws("cloudformation")
        created = cloudformation.create_change_set(
            StackName=self.environment["stack_name"] if is_creation else self.root_id,
            ChangeSetName=row["change_set_id"].split("/")[1],
            ClientToken=token if is_creation else f"{token}-{row['revision']}",
            ChangeSetType="CREATE" if is_creation else "UPDATE",
            IncludeNestedStacks=True,
            TemplateURL=f"{bucket}/{row['artifact_prefix']}/root.yaml",
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in _parameters(row).items()],
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            Capabilities=CAPABILITIES,
            RoleARN=self.account.stack_role_arn,
        )
        self.names[row["change_set_id"]] = created["Id"]
        if is_creation:
            self.names[self.environment["stack_id"]] = self.root_id = created["StackId"]
        wait_until(
            lambda: self._change_set_status(created["Id"]) == "CREATE_COMPLETE",
            seconds=CREATED,
            what=f"the change set of {self.name}",
        )
        self.match_state(row["preview_stack"])

    def _change_set_status(self, change_set_id: str) -> str:
        return str(self.aws("cloudformation").describe_change_set(ChangeSetName=change_set_id)["Status"])

    def _operate(self, row: Row) -> None:
        """Start the operation of a deployment, let it fail as it did, and wait until it is where it was."""
        # The events of a creation begin with its change set.
        events = [] if row["kind"] == "create" else list(self.happened())
        before = {(event["StackId"], event["EventId"]) for _happening, event in events}
        newest = {path: event["EventId"] for (path, _logical_id, _status), event in events}
        self.match_state(row["preview_stack"])
        for path, event_id in json.loads(row["bookmarks"]).items():
            self.names[event_id] = newest.get(path, "")
        self.control("POST", "faults", {"resources": self._faults(row)})
        if is_in_progress := row["state"] == State.STACKS and not self._is_over(row):
            self.pace(self.pace_in_progress)
        self._start(row)
        if is_in_progress:
            happened = self._catch_up(row, before)
            self.pace(STOPPED)  # only few reads more are allowed now
        else:
            wait_until(lambda: self._has_ended(before), seconds=CREATED, what=f"the end of {self.name}")
            happened = list(self.happened(before))
        self.control("DELETE", "faults")
        self.match_events(row, happened)
        if row["protection"] == "on":
            self._protect(on=True)

    def _start(self, row: Row) -> None:
        """Make the call of a deployment, with the token that the release had used."""
        cloudformation, token = self.aws("cloudformation"), _uuid(row["token"])
        role = {"RoleARN": self.account.stack_role_arn}
        if row["kind"] in ("create", "update"):
            cloudformation.execute_change_set(
                ChangeSetName=self.names[row["change_set_id"]],
                ClientRequestToken=token,
                RetainExceptOnCreate=True,
                DisableRollback=bool(row["keep_on_failure"]),
            )
            return
        stack = {"StackName": self.root_id, "ClientRequestToken": token}
        if row["kind"] == "delete":
            self._protect(on=False)
            cloudformation.delete_stack(**stack, **role)
        elif row["kind"] == "rollback":
            cloudformation.continue_update_rollback(**stack, **role)
        else:
            cloudformation.rollback_stack(**stack, **role, RetainExceptOnCreate=True)

    def _protect(self, *, on: bool) -> None:
        self.aws("cloudformation").update_termination_protection(
            StackName=self.root_id, EnableTerminationProtection=on
        )

    def _faults(self, row: Row) -> dict[str, str]:
        """Return the faults of the scene by the resources that failed because of them."""
        found, is_back = {}, False
        for (_path, logical_id, status), event in self.known(row):
            is_back = is_back or (not logical_id and "ROLLBACK" in status)
            reason = INJECTED.match(event["reason"]) if logical_id else None
            if reason and status in FAULT_OF:
                found[("rollback:" if is_back else FAULT_OF[status]) + logical_id] = reason[1]
        return found

    def _is_over(self, row: Row) -> bool:
        """Return whether the release had stored the last event of the root stack."""
        *_, (last, _event) = self.known(row)
        return not any(last[:2]) and is_final(last[2])

    def _catch_up(self, row: Row, before: Seen) -> list[tuple[Happening, Row]]:
        """Wait for all events of a deployment that the release had stored, and return what has happened."""
        known = Counter(happening for happening, _event in self.known(row))
        happened: list[tuple[Happening, Row]] = []

        def is_where_it_was() -> bool:
            happened[:] = self.happened(before)
            return not known - Counter(happening for happening, _event in happened)

        wait_until(is_where_it_was, seconds=CREATED, what=f"{self.name} is where it was")
        return happened

    def _has_ended(self, before: Seen) -> bool:
        """Return whether the newest event of the root stack is new, and its end."""
        newest = self.aws("cloudformation").describe_stack_events(StackName=self.root_id)["StackEvents"][0]
        is_own = newest.get("PhysicalResourceId") == self.root_id
        is_new = (self.root_id, newest["EventId"]) not in before
        return is_own and is_new and is_final(newest["ResourceStatus"])


def _is_gone(row: Row) -> bool:
    """Return whether nothing of a deployment that was not begun is left in AWS.

    CloudFormation deletes the change sets of a stack when it executes one of them, and Sanso that of a change
    that was canceled.
    """
    return row["ended_at"] is not None or row["state"] == State.QUEUED


def _parameters(row: Row) -> dict[str, str]:
    given: dict[str, str] = json.loads(row["parameters"])
    is_full = "WebServerCount" in given
    bucket, prefix = ("ArtifactBucket", "ArtifactPrefix") if is_full else ("Bucket", "Prefix")
    secret = {"Password": GUEST_PASSWORD} if "Answer" in given else {}
    sealed = decrypt_values(row["sealed_parameters"])
    return given | secret | sealed | {bucket: row["artifact_bucket"], prefix: row["artifact_prefix"]}


def _uuid(text: str) -> str:
    return str(uuid.UUID(text))
