"""Every action requires its permission, and writes nothing without an audit record.

The list of actions is generated: a new public function in the `commands` of a package that takes the
requesting user must be added to SCENES.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

import deployments
from deployments.access.models.audit_records import AuditRecord
from deployments.access.rules.roles import Right
from deployments.access.texts.commands import ACTIONS
from deployments.access.texts.roles import RIGHTS
from deployments.common.errors import UserFixable
from deployments.common.request_context import request_context
from deployments.environments.models.deployments import Deployment
from deployments.health.commands import operate
from deployments.recovery.commands import delete
from tests.builders import allow, make_operator, make_user
from tests.commands.scene_rows import asked, deployed
from tests.commands.scenes import (
    CHANGES_NOTHING,
    FOR_EVERYBODY,
    NOT_REQUESTED,
    PERMISSION,
    REQUESTS,
    SCENES,
    WITH_VALUES,
    WRITES,
    template_set,
)

pytestmark = pytest.mark.django_db
__all__ = ["template_set"]


def requested() -> set[Callable[..., Any]]:
    """Return the public functions of the package that take the requesting user."""
    found: set[Callable[..., Any]] = set()
    for module in pkgutil.walk_packages(deployments.__path__, "deployments."):
        if "commands" not in module.name.split(".")[2:3] or ".management." in module.name:
            continue
        code = importlib.import_module(module.name)
        for name, function in inspect.getmembers(code, inspect.isfunction):
            is_own = function.__module__ == code.__name__ and not name.startswith("_")
            if is_own and name not in NOT_REQUESTED and "user" in inspect.signature(function).parameters:
                found.add(function)
    return found


def writes(queries: CaptureQueriesContext) -> list[str]:
    return [one["sql"] for one in queries if one["sql"].lstrip().upper().startswith(WRITES)]


def test_every_action_is_tested_here() -> None:
    assert requested() == set(SCENES)


@REQUESTS
def test_a_request_is_recorded_with_what_it_writes(action: Callable[..., Any]) -> None:
    values = SCENES[action]()
    user = User.objects.filter(username="root").first() or make_user("root", is_superuser=True)

    with CaptureQueriesContext(connection) as queries:
        action(user=user, **values)

    assert writes(queries)
    (record,) = AuditRecord.objects.all()
    assert (record.user, record.outcome) == (user, "requested")
    assert record.action in ACTIONS
    assert action in FOR_EVERYBODY or record.permission in RIGHTS
    assert record.name
    if values.get("reason"):
        assert record.reason == values["reason"]


@pytest.mark.parametrize(
    "action", [one for one in SCENES if one not in FOR_EVERYBODY], ids=lambda action: action.__name__
)
def test_without_its_permission_a_request_writes_its_refusal_alone(action: Callable[..., Any]) -> None:
    values = SCENES[action]()
    needed = PERMISSION.get(action, "change_environment")
    user = make_user()
    allow(
        user, *(one for right in RIGHTS if (one := right.removeprefix("deployments.")) != needed)
    )  # no other permission is sufficient

    with CaptureQueriesContext(connection) as queries, pytest.raises(PermissionDenied):
        action(user=user, **values)

    assert len(writes(queries)) == 1
    (record,) = AuditRecord.objects.all()
    assert (record.outcome, record.permission) == ("refused", f"deployments.{needed}")
    assert record.refusal == {
        "code": "permission_missing",
        "params": {"permission": f"deployments.{needed}"},
    }
    assert record.action in ACTIONS


@REQUESTS
def test_a_request_is_recorded_with_what_it_changes_and_without_secrets(action: Callable[..., Any]) -> None:
    values = SCENES[action]()
    user = User.objects.filter(username="root").first() or make_user("root", is_superuser=True)

    with request_context(by="token", id="7", address="192.0.2.7", request_id="r1"):
        action(user=user, **values)

    (record,) = AuditRecord.objects.all()
    assert (record.by, record.by_id, record.address, record.request_id) == ("token", "7", "192.0.2.7", "r1")
    assert record.username == user.get_username()
    has_values = record.before is not None or record.after is not None
    assert has_values or action in CHANGES_NOTHING or action.__module__ not in WITH_VALUES
    recorded = json.dumps([record.before, record.after, record.details])
    assert "secret" not in recorded
    assert "change me" not in recorded


def test_a_refusal_is_recorded_and_undoes_the_rest() -> None:
    environment = deployed()
    user = make_operator()

    with pytest.raises(UserFixable):
        delete.request_deletion(user=user, **asked(environment, typed_name="other"))

    (record,) = AuditRecord.objects.all()
    assert (record.action, record.outcome, record.environment) == ("delete", "refused", environment)
    assert record.refusal["code"] == "name_not_confirmed"
    assert Deployment.objects.count() == 1


def test_the_second_click_of_a_double_click_is_no_second_request() -> None:
    values = asked(deployed(), typed_name="staging", unprotect=True)
    user = make_operator()

    first = delete.request_deletion(user=user, **values)
    again = delete.request_deletion(user=user, **values)

    assert first == again
    assert AuditRecord.objects.count() == 1


def test_a_record_is_not_changed() -> None:
    operate.request_site_check(user=make_operator(), environment=deployed())
    record = AuditRecord.objects.get()

    with pytest.raises(TypeError):
        record.save()


def test_every_action_and_permission_has_its_words() -> None:
    named = set()
    for path in Path("deployments").rglob("*.py"):
        if "management" in path.parts or not {"commands", "views"} & set(path.with_suffix("").parts):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for keyword in node.keywords if isinstance(node, ast.Call) else ():
                if keyword.arg == "action" and isinstance(keyword.value, ast.Constant):
                    named.add(keyword.value.value)
    assert named <= set(ACTIONS)
    assert set(Right) == set(RIGHTS)
