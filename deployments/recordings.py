"""Deployments as files: a finished one with all its rows, to be looked at and played back elsewhere.

Three come along (`deployments/recorded/`), so that the page can be tried without deploying anything.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, models, transaction

from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import (
    Account,
    Deployment,
    Environment,
    Event,
    Evidence,
    Expectation,
    Resource,
    Stack,
)
from deployments.recording_check import FIELDS, FORMAT, checked

FOLDER = Path(__file__).parent / "recorded"
ACCOUNT = "recordings"
"""The account that recorded deployments are in. Nothing can be deployed into it."""
BATCH = 500


def dump(deployment: Deployment) -> dict[str, Any]:
    """Return a finished deployment as JSON-ready values.

    Raise UserFixable if it has not ended. Sealed parameters are not in it.
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
    """Write a recording's rows, for `user` to look at, and return the deployment.

    Its environment counts as deleted: it is in no list of what is there, is never looked at in AWS and
    offers nothing that could be done to it. A `key` that was loaded before gives the deployment of then.
    Raise UserFixable for what is not a recording, or has something in it that does not belong there.
    """
    key = key or uuid.uuid4()
    before = Deployment.objects.for_page().filter(request_key=key).first()
    if before is not None:
        return before
    rows = checked(recording)
    try:
        with transaction.atomic():
            deployment = _write(rows, user, key)
    except (DataError, IntegrityError) as exc:
        if (
            twice := Deployment.objects.for_page().filter(request_key=key).first()
        ):  # the other of a double click
            return twice
        raise UserFixable("RecordingInvalid", Code.RECORDING_VALUE_INVALID, place="JSON") from exc
    return Deployment.objects.for_page().get(pk=deployment.pk)


def _write(rows: dict[str, Any], user: User, key: uuid.UUID) -> Deployment:
    account, _made = Account.objects.get_or_create(
        name=ACCOUNT, defaults={"region": rows["region"], "is_recording": True}
    )
    kept, values = rows["environment"], rows["deployment"]
    environment = Environment.objects.create(
        **kept, account=account, owner=user, deleted_at=values["ended_at"], due_at=None
    )
    deployment = Deployment.objects.create(
        **values, environment=environment, requested_by=user, request_key=key, due_at=None
    )
    # auto_now_add: the moments of the recording, not of its loading
    Deployment.objects.filter(pk=deployment.pk).update(created_at=values["created_at"])
    Environment.objects.filter(pk=environment.pk).update(created_at=kept["created_at"], latest=deployment)
    stacks = _write_stacks(deployment, rows["stacks"])
    Event.objects.bulk_create(
        [
            Event(**told | {"stack": stacks.get(told["stack"]), "deployment": deployment})
            for told in rows["events"]
        ],
        batch_size=BATCH,
    )
    Evidence.objects.bulk_create(Evidence(**told, deployment=deployment) for told in rows["evidence"])
    if rows["expectation"]:
        Expectation.objects.create(deployment=deployment, **rows["expectation"])
    return deployment


def _write_stacks(deployment: Deployment, told: list[dict[str, Any]]) -> dict[str, Stack]:
    """Write stacks with their resources, parents first, and return the stacks by path."""
    stacks: dict[str, Stack] = {}
    for one in sorted(told, key=lambda stack: str(stack["path"]).count("/")):
        resources = one.pop("resources")
        parent = stacks.get(one["path"].rpartition("/")[0]) if one["path"] else None
        stack = Stack.objects.create(**one, deployment=deployment, parent=parent, settled=True)
        stacks[stack.path] = stack
        Resource.objects.bulk_create([Resource(**row, stack=stack) for row in resources], batch_size=BATCH)
    return stacks


def open_own(name: str, user: User) -> Deployment:
    """Return one of the project's recordings as a deployment, the same one for everybody.

    Raise UserFixable if there is none of that name.
    """
    return load(read(name), user, _key(name))


def loaded_own() -> dict[str, Deployment]:
    """Return the deployments of those of the project's recordings that somebody has opened, by name."""
    names = {_key(name): name for name in that_come_along()}
    found = Deployment.objects.filter(request_key__in=names)
    return {names[deployment.request_key]: deployment for deployment in found}


def _key(name: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"sanso:recorded:{name}")


def that_come_along() -> list[str]:
    """Return the names of the recordings of the project."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> dict[str, Any]:
    """Return one of the recordings of the project. Raise UserFixable if there is none of that name."""
    if name not in that_come_along():
        raise UserFixable("RecordingMissing", Code.RECORDING_NOT_FOUND)
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found
