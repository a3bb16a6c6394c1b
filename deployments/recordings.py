"""Deployments as files: a finished one with all its rows, to be looked at and played back elsewhere.

Three come along (`deployments/recorded/`), so that the page can be tried without deploying anything.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils.dateparse import parse_datetime

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

FOLDER = Path(__file__).parent / "recorded"
ACCOUNT = "recordings"
"""The account that recorded deployments are in. Nothing can be deployed into it."""
FORMAT = 1
_DEPLOYMENT = [
    "kind",
    "state",
    "last_phase",
    "reason",
    "parameters",
    "template_digest",
    "stack_id",
    "last_seq",
    "error_code",
    "error_message",
    "error_sentence",
    "created_at",
    "phase_at",
    "polled_at",
    "ticked_at",
    "ended_at",
    "ready_at",
]
_ENVIRONMENT = [
    "name",
    "stack_name",
    "stack_id",
    "stack_status",
    "status_reason",
    "outputs",
    "parameters",
    "created_at",
]
_STACK = [
    "path",
    "depth",
    "name",
    "stack_id",
    "status",
    "reason",
    "started_at",
    "changed_at",
    "ended_at",
    "changes",
]
_RESOURCE = [
    "logical_id",
    "physical_id",
    "type",
    "status",
    "reason",
    "started_at",
    "changed_at",
    "ended_at",
    "changes",
    "depends_on",
]
_EVENT = [
    "seq",
    "event_id",
    "key",
    "source",
    "at",
    "logical_id",
    "physical_id",
    "type",
    "status",
    "reason",
    "code",
    "values",
    "repeat_of",
]
_EVIDENCE = ["kind", "subject", "text", "problem", "at"]
_EXPECTATION = ["usual", "seconds", "low", "high", "runs"]


def dump(deployment: Deployment) -> dict[str, Any]:
    """Return a finished deployment as JSON-ready values.

    Raises UserFixable when it has not ended. Sealed parameters are not in it.
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
        "environment": _fields(deployment.environment, _ENVIRONMENT),
        "deployment": _fields(deployment, _DEPLOYMENT),
        "stacks": [
            _fields(stack, _STACK) | {"resources": [_fields(r, _RESOURCE) for r in stack.resources.all()]}
            for stack in stacks
        ],
        "events": [
            _fields(event, _EVENT) | {"stack": paths.get(event.stack_id or 0)}
            for event in Event.objects.of(deployment)
        ],
        "evidence": [_fields(piece, _EVIDENCE) for piece in Evidence.objects.of(deployment)],
        "expectation": _fields(expectation, _EXPECTATION) if expectation else None,
    }


def _fields(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in names if hasattr(row, name)}
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in found.items()}


def load(recording: dict[str, Any], user: User, key: uuid.UUID | None = None) -> Deployment:
    """Write a recording's rows, for `user` to look at, and return the deployment.

    Its environment counts as deleted: it is in no list of what is there, is never looked at in AWS and
    offers nothing that could be done to it. A `key` that was loaded before gives the deployment of then.
    Raises UserFixable for a file of another format.
    """
    if recording.get("format") != FORMAT:
        raise UserFixable("RecordingUnknown", Code.RECORDING_INVALID)
    key = key or uuid.uuid4()
    before = Deployment.objects.for_page().filter(request_key=key).first()
    if before is not None:
        return before
    with transaction.atomic():
        account, _made = Account.objects.get_or_create(
            name=ACCOUNT, defaults={"region": recording["region"], "is_recording": True}
        )
        told = _values(Environment, recording["environment"])
        environment = Environment.objects.create(
            **told, account=account, owner=user, deleted_at=told["created_at"], due_at=None
        )
        values = _values(Deployment, recording["deployment"])
        deployment = Deployment.objects.create(
            **values, environment=environment, requested_by=user, request_key=key, due_at=None
        )
        # auto_now_add: the moments of the recording, not of its loading
        Deployment.objects.filter(pk=deployment.pk).update(created_at=values["created_at"])
        Environment.objects.filter(pk=environment.pk).update(
            created_at=told["created_at"],
            deleted_at=values["ended_at"] or told["created_at"] + timedelta(hours=1),
            latest=deployment,
        )
        _load_rows(deployment, recording)
    return Deployment.objects.for_page().get(pk=deployment.pk)


def _load_rows(deployment: Deployment, recording: dict[str, Any]) -> None:
    stacks: dict[str, Stack] = {}
    for told in sorted(recording["stacks"], key=lambda stack: stack["depth"]):
        parent = stacks.get(told["path"].rpartition("/")[0]) if told["path"] else None
        stacks[told["path"]] = Stack.objects.create(
            **_values(Stack, told), deployment=deployment, parent=parent, settled=True
        )
        Resource.objects.bulk_create(
            Resource(**_values(Resource, one), stack=stacks[told["path"]]) for one in told["resources"]
        )
    Event.objects.bulk_create(
        Event(**_values(Event, told), deployment=deployment, stack=stacks.get(told["stack"]))
        for told in recording["events"]
    )
    Evidence.objects.bulk_create(
        Evidence(**_values(Evidence, told), deployment=deployment) for told in recording["evidence"]
    )
    if recording.get("expectation"):
        Expectation.objects.create(deployment=deployment, **recording["expectation"])


def _values(model: type[models.Model], told: dict[str, Any]) -> dict[str, Any]:
    """Return what a row is made of: the fields that the model has, moments read from their text."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    return {
        name: parse_datetime(value)
        if isinstance(fields[name], models.DateTimeField) and isinstance(value, str)
        else value
        for name, value in told.items()
        if name in fields and not fields[name].is_relation
    }


def open_own(name: str, user: User) -> Deployment:
    """Return one of the project's recordings as a deployment, the same one for everybody.

    Raises UserFixable when there is none of that name.
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
    """Return one of the recordings of the project. Raises UserFixable when there is none of that name."""
    if name not in that_come_along():
        raise UserFixable("RecordingMissing", Code.RECORDING_NOT_FOUND)
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found
