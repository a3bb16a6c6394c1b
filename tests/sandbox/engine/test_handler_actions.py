"""The actions of handlers compared with the registry's schemas that cfn-lint contains."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from portal.sandbox.engine.cloudformation.handler_actions import TABLE

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"


@cache
def schemas() -> dict[str, dict[str, Any]]:
    read = (json.loads(file.read_text()) for file in SCHEMAS.glob("*.json"))
    return {schema["typeName"]: schema.get("handlers") or {} for schema in read if "typeName" in schema}


@pytest.mark.parametrize("resource_type", sorted(TABLE))
def test_every_action_is_in_a_permission_list_of_the_types_schema(resource_type: str) -> None:
    handlers = schemas()[resource_type]
    for operation, actions in TABLE[resource_type].items():
        listed = handlers[operation]["permissions"] + handlers.get("read", {}).get("permissions", [])
        for action in actions.split():
            assert any(fnmatch(action, pattern) for pattern in listed), f"{operation}: {action}"
