"""Every text and list that a body or a form brings has a limit: the lists are read from the code.

A new body or form without a limit fails here. Records of requests are never changed, so the limits also
bound what refused requests add to the audit records.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

import deployments
import portal
from deployments.access.models.audit_records import AuditRecord
from deployments.api.urls import api
from deployments.changes.pages.forms.create import ParameterField
from deployments.cloudformation.parameters import MAX_VALUE, Parameter
from tests.api.clients import Program
from tests.builders import make_environment, make_operator, make_user

READ_FROM_TEXT = ("date-time", "date", "time", "uuid", "binary")
"""Formats of texts that are not stored as texts; a file has the limit of its operation."""
WITH_OTHER_LIMITS = (forms.UUIDField, forms.ChoiceField, forms.MultipleChoiceField)
"""Fields whose values must be ones that Sanso knows."""
SET_IN_INIT = {("LoginForm", "username"), ("LoginForm", "password")} | {
    ("PasswordForm", name) for name in ("old_password", "new_password1", "new_password2")
}
"""Fields of Django's forms, which get their limits when the form is created."""


def unlimited(schema: dict[str, Any], parts: dict[str, Any], path: str) -> Iterator[str]:
    """Yield the paths of the texts, lists and objects of a schema that have no limit."""
    if "$ref" in schema:
        schema = parts[schema["$ref"].rpartition("/")[2]]
    for one in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from unlimited(one, parts, path)
    is_known = "enum" in schema or "const" in schema or schema.get("format") in READ_FROM_TEXT
    if schema.get("type") == "string" and not is_known and "maxLength" not in schema:
        yield path
    if schema.get("type") == "array":
        yield from [] if "maxItems" in schema else [f"{path} (entries)"]
        yield from unlimited(schema["items"], parts, f"{path}[]")
    for name, one in schema.get("properties", {}).items():
        yield from unlimited(one, parts, f"{path}.{name}")
    if isinstance(values := schema.get("additionalProperties"), dict):
        yield from [] if "maxProperties" in schema else [f"{path} (entries)"]
        yield from [] if "maxLength" in schema.get("propertyNames", {}) else [f"{path} (names)"]
        yield from unlimited(values, parts, f"{path}{{}}")


def test_every_text_and_list_in_a_body_of_the_api_has_a_limit() -> None:
    document = api.get_openapi_schema()
    parts, bodies = document["components"]["schemas"], 0
    found: list[str] = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                bodies += 1
                found += unlimited(content["schema"], parts, path)

    assert bodies > 50
    assert not found, "Add max_length to the fields of the schema: " + ", ".join(found)


LEFT_OUT = (".migrations", ".sandbox", ".command_line", "__main__", "portal.asgi")
"""Modules without forms. `portal.asgi` would protect this process's files from users of tests' servers."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part in one.name for part in LEFT_OUT):
            yield importlib.import_module(one.name)


def forms_of(base: type[Any]) -> Iterator[type[Any]]:
    for one in base.__subclasses__():
        yield one
        yield from forms_of(one)


def test_every_text_in_a_form_has_a_limit() -> None:
    assert len([*modules(deployments), *modules(portal)]) > 200
    own = {one for one in forms_of(forms.BaseForm) if one.__module__.startswith(("deployments", "portal"))}
    found = [
        f"{form.__module__}.{form.__name__}.{name}"
        for form in own
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField)
        and not isinstance(field, WITH_OTHER_LIMITS)
        and field.max_length is None
        and (form.__name__, name) not in SET_IN_INIT
    ]

    assert len(own) > 30
    assert not found, "Add max_length to these fields: " + ", ".join(sorted(found))


def test_the_value_of_a_parameter_has_cloudformations_limit() -> None:
    field = ParameterField(Parameter(name="Name", allowed_pattern="a*"))

    assert field.clean("a" * MAX_VALUE)
    with pytest.raises(forms.ValidationError, match="4096"):
        field.clean("a" * (MAX_VALUE + 1))


@pytest.mark.django_db
def test_a_password_has_a_limit() -> None:
    page = Client().post(reverse("login"), {"username": "ana", "password": "x" * 5_000})

    assert "4096" in page.content.decode()


@pytest.fixture
def viewer(db: None) -> User:
    return make_user("vic")


def size(record: AuditRecord) -> int:
    return len(json.dumps([record.details, record.before, record.after, record.refusal, record.reason]))


def test_a_refused_request_writes_a_small_record(viewer: User) -> None:
    shop = make_environment("shop")
    program, browser = Program(viewer), Client()
    browser.force_login(viewer)
    paths = ["p" * 2_000] * 500

    program.post(f"/environments/{shop.pk}/deletion-again", {"typed_name": "shop", "resources": paths})
    program.post(f"/environments/{shop.pk}/continue-rollback", {"resources": paths})
    browser.post(reverse("environment_channel", args=[shop.pk]), {"channel": "x" * 1_000_000})

    records = list(AuditRecord.objects.filter(outcome="refused"))
    assert len(records) == 3
    assert max(map(size, records)) < 10_000


@pytest.mark.django_db
def test_what_a_record_does_not_store_is_marked() -> None:
    record = AuditRecord.objects.write(
        action="change",
        user=make_operator(),
        name="n" * 100,
        reason="r" * 300,
        details={"resources": [f"Path{number}" for number in range(600)], "text": "x" * 2_000},
        after={"x": 1},
        outcome="refused",
        refusal={"code": "x", "params": {"name": "x" * 9_000}},
    )

    record.refresh_from_db()
    assert record.details["resources"][-1].startswith("… +")
    assert (record.name[-1], record.reason[-1]) == ("…", "…")
    assert record.refusal["params"]["name"].endswith("… +8000")
    assert record.after == {"x": 1}
