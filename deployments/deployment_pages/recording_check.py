"""Checks of a recording: every value of a file is checked before a row is created from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.deployment_pages.recording_values import MAX_ROWS, RecordingValue
from deployments.environments.models.accounts import Account
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
