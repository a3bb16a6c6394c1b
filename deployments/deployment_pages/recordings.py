"""Recordings: deployments that have ended as files with all their rows, for replay elsewhere.

Four are included, in `deployments/deployment_pages/recorded/`: the page can be tried without a deployment.
"""

from __future__ import annotations

import functools
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, models, transaction

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.deployment_pages.recording_check import FIELDS, FORMAT, checked
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.failures.models import Evidence
from deployments.stacks.models.durations import Expectation
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack

FOLDER = Path(__file__).parent / "recorded"
ACCOUNT = "recordings"
"""The account of recorded deployments. Nothing can be deployed to it."""
BATCH = 500


def dump(deployment: Deployment) -> dict[str, Any]:
    """Return a deployment that has ended as values for JSON, without its sealed parameters.

    Raise UserFixable if it has not ended.
    """
    if deployment.is_active:
        raise UserFixable("StillRunning", Code.DEPLOYMENT_STILL_RUNNING)
    stacks = list(Stack.objects.of(deployment).prefetch_related("resources"))
    paths = {stack.pk: stack.path for stack in stacks}
    expectation = Expectation.objects.filter(deployment=deployment).first()
    return {
        "format": FORMAT,
        "region": deployment.environment.account.region,
        "requested_by": deployment.requested_by.get_username(),
        "environment": _fields(deployment.environment),
        "deployment": _fields(deployment),
        "stacks": [
            _fields(stack) | {"resources": [_fields(r) for r in stack.resources.all()]} for stack in stacks
        ],
        "events": [
            _fields(event) | {"stack": paths.get(event.stack_id or 0)}
            for event in Event.objects.of(deployment)
        ],
        "evidence": [_fields(piece) for piece in Evidence.objects.of(deployment)],
        "expectation": _fields(expectation) if expectation else None,
    }


def _fields(row: models.Model) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in FIELDS[type(row)]}
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in found.items()}


def load(recording: Any, user: User, key: uuid.UUID | None = None) -> Deployment:
    """Create a recording's rows with `user` as the owner, and return the deployment.

    Its environment counts as deleted: it is in no list of active environments, is never polled and has no
    actions. If a recording with this `key` was loaded before, return its deployment. Raise UserFixable if the
    recording is invalid.
    """
    key = key or uuid.uuid4()
    before = Deployment.objects.for_page().recordings().filter(request_key=key).first()
    if before is not None:
        return before
    rows = checked(recording)
    try:
        with transaction.atomic():
            deployment = _write(rows, user, key)
    except (DataError, IntegrityError) as exc:
        if (
            twice := Deployment.objects.for_page().recordings().filter(request_key=key).first()
        ):  # the other click of a double click
            return twice
        raise UserFixable("RecordingInvalid", Code.RECORDING_VALUE_INVALID, place="JSON") from exc
    return Deployment.objects.for_page().get(pk=deployment.pk)


def _write(rows: dict[str, Any], user: User, key: uuid.UUID) -> Deployment:
    account, _created = Account.objects.get_or_create(
        name=ACCOUNT, defaults={"region": rows["region"], "is_recording": True}
    )
    environment_values, values = rows["environment"], rows["deployment"]
    environment = Environment.objects.create(
        **environment_values, account=account, owner=user, deleted_at=values["ended_at"], due_at=None
    )
    deployment = Deployment.objects.create(
        **values, environment=environment, requested_by=user, request_key=key, due_at=None
    )
    # despite auto_now_add: the times of the recording, not of its import
    Deployment.objects.filter(pk=deployment.pk).update(created_at=values["created_at"])
    Environment.objects.filter(pk=environment.pk).update(
        created_at=environment_values["created_at"], latest=deployment
    )
    stacks = _write_stacks(deployment, rows["stacks"])
    Event.objects.bulk_create(
        [
            Event(**row | {"stack": stacks.get(row["stack"]), "deployment": deployment})
            for row in rows["events"]
        ],
        batch_size=BATCH,
    )
    Evidence.objects.bulk_create(Evidence(**row, deployment=deployment) for row in rows["evidence"])
    if rows["expectation"]:
        Expectation.objects.create(deployment=deployment, **rows["expectation"])
    return deployment


def _write_stacks(deployment: Deployment, rows: list[dict[str, Any]]) -> dict[str, Stack]:
    """Create stacks with their resources, parents first, and return the stacks by path."""
    stacks: dict[str, Stack] = {}
    for one in sorted(rows, key=lambda stack: str(stack["path"]).count("/")):
        resources = one.pop("resources")
        parent = stacks.get(one["path"].rpartition("/")[0]) if one["path"] else None
        stack = Stack.objects.create(**one, deployment=deployment, parent=parent, settled=True)
        stacks[stack.path] = stack
        Resource.objects.bulk_create([Resource(**row, stack=stack) for row in resources], batch_size=BATCH)
    return stacks


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSummary:
    """What a list shows of a recording. `deployment` has a kind, a state and times; it is not stored."""

    deployment: Deployment
    resources: int


@functools.cache
def facts(name: str) -> RecordingSummary:
    """Return the facts of an included recording. Raise UserFixable if there is none of that name."""
    recording = read(name)
    values = recording["deployment"]
    times = {key: datetime.fromisoformat(values[key]) for key in ("created_at", "ended_at")}
    return RecordingSummary(
        deployment=Deployment(kind=values["kind"], state=values["state"], **times),
        resources=sum(len(stack["resources"]) for stack in recording["stacks"]),
    )


def imported(rows: DeploymentQuerySet) -> DeploymentQuerySet:
    """Keep those of some deployments that were imported from other files, newest import first."""
    return rows.recordings().exclude(request_key__in=[_key(name) for name in included()])


def open_included(name: str, user: User) -> Deployment:
    """Return an included recording as a deployment, the same one for all users.

    Raise UserFixable if there is none of that name.
    """
    return load(read(name), user, _key(name))


def loaded_included(rows: DeploymentQuerySet) -> dict[str, Deployment]:
    """Return those of some deployments that are included recordings that have been opened, by name."""
    names = {_key(name): name for name in included()}
    found = rows.recordings().filter(request_key__in=names)
    return {names[deployment.request_key]: deployment for deployment in found}


def _key(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"sanso:recorded:{name}")


def included() -> list[str]:
    """Return the names of the included recordings."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """Return an included recording. Raise UserFixable if there is none of that name."""
    if name not in included():
        raise UserFixable("RecordingMissing", Code.RECORDING_NOT_FOUND)
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found
