"""Recordings of deployments: export, checked import, and the included ones.

Four are included, in `deployments/deployment_pages/recorded/`: the page can be tried without a deployment.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, models, transaction

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.deployment_pages.recording_values import MAX_ROWS, RecordingValue
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import TERMINAL
from deployments.failures.models import Evidence
from deployments.stacks.models.durations import Expectation
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource, Stack

FORMAT = 1
FIELDS: Mapping[type[models.Model], tuple[str, ...]] = {
    Deployment: (
        *("kind", "state", "last_phase", "reason", "parameters", "template_digest", "stack_id", "last_seq"),
        *("error_code", "error_message", "error_sentence", "created_at", "phase_at", "polled_at"),
        *("ticked_at", "ended_at", "ready_at", "protection", "applied_at", "cancel_code"),
        *("cancel_requested_at", "cancel_accepted_at"),
    ),
    Environment: (
        *("name", "stack_name", "stack_id", "stack_status", "status_reason", "outputs", "parameters"),
        "created_at",
    ),
    Stack: (
        *("path", "depth", "name", "stack_id", "status", "reason", "started_at", "changed_at", "ended_at"),
        "changes",
    ),
    Resource: (
        *("logical_id", "physical_id", "type", "status", "reason", "started_at", "changed_at", "ended_at"),
        *("changes", "depends_on"),
    ),
    Event: (
        *("seq", "event_id", "key", "source", "at", "logical_id", "physical_id", "type", "status", "reason"),
        *("code", "values", "repeat_of"),
    ),
    Evidence: ("kind", "subject", "text", "problem", "at"),
    Expectation: ("usual", "seconds", "low", "high", "runs"),
}
"""The fields of each model that a recording contains."""
Row = dict[str, Any]


def checked(recording: Any) -> Row:
    """Return the values of the rows. Raise UserFixable with the position of the first invalid value."""
    whole = RecordingValue(recording, "")
    if whole.get("format").value != FORMAT:
        raise UserFixable("RecordingUnknown", Code.RECORDING_INVALID)
    deployment = _row(whole.get("deployment"), Deployment)
    if deployment["state"] not in TERMINAL or deployment["ended_at"] is None:
        raise whole.get("deployment").get("state").wrong()
    stacks = [_stack(one) for one in whole.get("stacks").list()]
    _check_stacks(whole.get("stacks"), stacks)
    paths = {stack["path"] for stack in stacks}
    events = [_event(one, paths) for one in whole.get("events").list()]
    _check_events(whole.get("events"), events, deployment["last_seq"])
    expectation = whole.get("expectation")
    return {
        "region": whole.get("region").text(Account._meta.get_field("region")),
        "environment": _row(whole.get("environment"), Environment),
        "deployment": deployment,
        "stacks": stacks,
        "events": events,
        "evidence": [_row(one, Evidence) for one in whole.get("evidence").list()],
        "expectation": None if expectation.value is None else _row(expectation, Expectation),
    }


def _row(value: RecordingValue, model: type[models.Model]) -> Row:
    return value.columns({name: model._meta.get_field(name) for name in FIELDS[model]})


def _stack(value: RecordingValue) -> Row:
    return _row(value, Stack) | {"resources": [_row(one, Resource) for one in value.get("resources").list()]}


def _event(value: RecordingValue, paths: set[str]) -> Row:
    stack = value.get("stack")
    if stack.value is not None and not (isinstance(stack.value, str) and stack.value in paths):
        raise stack.wrong()
    return _row(value, Event) | {"stack": stack.value}


def _check_stacks(value: RecordingValue, stacks: list[Row]) -> None:
    """Raise UserFixable unless each stack occurs once, below an existing one, with each resource once."""
    paths = {stack["path"] for stack in stacks}
    for place, stack in zip(value.list(), stacks, strict=True):
        parent, _, name = stack["path"].rpartition("/")
        is_placed = not stack["path"] or (parent in paths and bool(name))
        depth = stack["path"].count("/") + 1 if stack["path"] else 0
        names = [resource["logical_id"] for resource in stack["resources"]]
        if not is_placed or stack.get("depth", 0) != depth or len(set(names)) < len(names):
            raise place.wrong()
    if len(paths) < len(stacks) or sum(len(stack["resources"]) for stack in stacks) > MAX_ROWS:
        raise value.wrong()


def _check_events(value: RecordingValue, events: list[Row], last: int) -> None:
    """Raise UserFixable unless each number up to the last one, and each key, occurs at most once."""
    numbers, keys = ({event[name] for event in events} for name in ("seq", "key"))
    if len(numbers) < len(events) or len(keys) < len(events):
        raise value.wrong()
    if events and not 0 < min(numbers) <= max(numbers) <= last:
        raise value.wrong()


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
