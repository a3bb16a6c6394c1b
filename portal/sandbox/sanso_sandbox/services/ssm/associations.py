"""Associations as records: their settings and versions, their targets, and the overview of their runs."""

import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import ec2

from sanso_sandbox.engine.registry import Record
from sanso_sandbox.services.ssm import association_rules

SETTINGS = (
    *(
        "Name",
        "AssociationName",
        "DocumentVersion",
        "Parameters",
        "Targets",
        "InstanceId",
        "ScheduleExpression",
    ),
    *("OutputLocation", "MaxErrors", "MaxConcurrency", "ComplianceSeverity", "SyncCompliance"),
    *("ApplyOnlyAtCronInterval", "AutomationTargetParameterName", "CalendarNames", "ScheduleOffset"),
)
UNFINISHED = ("Pending", "InProgress")

store = AccountRegionScopedDict()


@dataclass(slots=True)
class TargetRun:
    """An execution on one instance."""

    instance_id: str
    status: str = "Pending"
    summary: str = ""
    command_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: float | None = None
    output_url: str | None = None


@dataclass(slots=True)
class Execution:
    """A run of an association on the instances that it reached at that time."""

    version: int
    targets: dict[str, TargetRun]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)

    def status(self) -> str:
        """Return Pending, InProgress, Success or Failed."""
        statuses = {run.status for run in self.targets.values()}
        if statuses & set(UNFINISHED):
            return "Pending" if statuses == {"Pending"} else "InProgress"
        return "Failed" if statuses & {"Failed", "TimedOut", "Skipped"} else "Success"

    def counts(self) -> dict[str, int]:
        """Return the number of targets by status."""
        return dict(Counter(run.status for run in self.targets.values()))


@dataclass(slots=True)
class Association:
    """An association with all its versions and executions, the latest last."""

    settings: Record
    versions: list[Record]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    version: int = 1
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    executions: list[Execution] = field(default_factory=list)
    interval_began: float = field(default_factory=time.monotonic)  # for a rate schedule
    version_began: float = field(default_factory=time.monotonic)
    tags: list[dict[str, str]] = field(default_factory=list)
    reached_version: int = 0  # the version for which the current nodes have been collected

    def name(self) -> str:
        """Return the association's name, or its document's if it has none."""
        return str(self.settings.get("AssociationName") or self.settings["Name"])

    def latest(self) -> dict[str, TargetRun]:
        """Return the latest run of the current version on each instance."""
        found: dict[str, TargetRun] = {}
        for execution in list(self.executions):
            if execution.version == self.version:
                found.update(execution.targets)
        return found

    def overview(self) -> Record:
        """Return the Overview of the latest runs on the current targets.

        Without runs, the status is Pending. A node counts from its first run, so Success may be returned
        before a node that registered late has run it (hashicorp/terraform-provider-aws#31175).
        """
        latest = self.latest()
        runs = [latest[instance_id].status for instance_id in self.targets() if instance_id in latest]
        if not runs or set(runs) & set(UNFINISHED):
            detail = "InProgress" if runs else "Creating"
            status = "Pending"
        else:
            status = detail = "Success" if set(runs) == {"Success"} else "Failed"
        return {
            "Status": status,
            "DetailedStatus": detail,
            "AssociationStatusAggregatedCount": dict(Counter(runs)),
        }

    def targets(self) -> list[str]:
        """Return the matching managed instances: those that match every target by any of its values."""
        managed = [key for key in list(ec2._instances) if ec2.instance_is_managed(key)]
        if self.settings.get("InstanceId"):
            return [key for key in managed if key == self.settings["InstanceId"]]
        wanted = self.settings.get("Targets") or []
        return [key for key in managed if wanted and all(_matches(key, target) for target in wanted)]


def _matches(instance_id: str, target: Record) -> bool:
    key, values = str(target.get("Key", "")), [str(value) for value in target.get("Values") or []]
    tags = {tag["Key"]: str(tag.get("Value", "")) for tag in ec2._tags.get(instance_id, [])}
    if key.lower() == "instanceids":
        return "*" in values or instance_id in values
    if key == "tag-key":
        return any(value in tags for value in values)
    return key.startswith("tag:") and tags.get(key[4:]) in values


def add(settings: dict[str, Any]) -> Association:
    """Store a new association; the caller starts its first run.

    Raises Refused if the account has too many.
    """
    association_rules.check_number(len(list(store.values())))
    kept = {name: settings[name] for name in SETTINGS if settings.get(name) not in (None, "")}
    kept.setdefault("DocumentVersion", "$DEFAULT")
    association = Association(settings=kept, versions=[], tags=list(settings.get("Tags") or ()))
    _remember_version(association)
    store[association.id] = association
    return association


def change(association: Association, settings: dict[str, Any]) -> None:
    """Set an association's settings as its next version; omitted settings are removed, as on AWS."""
    kept = {name: settings[name] for name in SETTINGS if settings.get(name) not in (None, "")}
    kept.setdefault("Name", association.settings["Name"])
    kept.setdefault("DocumentVersion", "$DEFAULT")
    association.settings = kept
    association.version += 1
    association.updated_at = time.time()
    association.interval_began = association.version_began = time.monotonic()
    _remember_version(association)


def _remember_version(association: Association) -> None:
    association.versions.append(
        {
            "AssociationId": association.id,
            "AssociationVersion": str(association.version),
            "CreatedDate": association.updated_at,
            **{name: part for name, part in association.settings.items() if name != "InstanceId"},
        }
    )


def tags_of(arn: str) -> dict[str, str]:
    """Return the tags of an association by its ARN, none if it does not exist."""
    association = store.get(arn.rpartition("/")[2]) if ":association/" in arn else None
    return {tag["Key"]: str(tag.get("Value", "")) for tag in association.tags} if association else {}


def find(request: Record) -> Association | None:
    """Return the association in a request, by its id, or by document name and instance."""
    if request.get("AssociationId"):
        found: Association | None = store.get(request["AssociationId"])
        return found
    for association in store.values():
        settings = association.settings
        if request.get("Name") == settings["Name"] and request.get("InstanceId") == settings.get(
            "InstanceId"
        ):
            return association if request.get("InstanceId") else None
    return None
