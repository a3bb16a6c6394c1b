"""Every route accepts or rejects any POST: fields of its forms, and bodies that are not forms."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from deployments.changes.display.parameter_fields import PREFIX
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.recovery.pages.forms import DeleteForm
from deployments.template_sets import template_files
from portal.sandbox_console.forms import FORMS
from tests.browsing import TEMPLATE
from tests.fuzz.hostile import numbers, texts
from tests.fuzz.profile import fuzzed
from tests.fuzz.routes import Route, names, routes
from tests.fuzz.rows_and_users import KNOWN, World, assert_handled
from tests.services import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]
FORM = "application/x-www-form-urlencoded"
Fields = Mapping[str, Any]
GOOD_PARAMETERS = {"Database": "shop", "Password": "correct horse", "Certificate": "", "Count": "2"}


@pytest.fixture
def world(sandbox: Sandbox, sandbox_account: str, template_set: Path, settings: Settings) -> World:
    return World(sandbox_account)


@pytest.fixture
def template_set(tmp_path: Path, settings: Settings) -> Path:
    (tmp_path / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path
    return tmp_path


def valid_forms() -> dict[str, list[Fields]]:
    """Return valid fields for each route."""
    environment = Environment.objects.live().exclude(stack_id="").latest("pk")
    deploy = {
        "account": Account.objects.sandboxes().latest("pk").pk,
        "name": "fresh",
        "reason": "because",
        "request_key": str(uuid.uuid4()),
        **{PREFIX + name: value for name, value in defaults().items()},
    }
    delete = {
        "typed_name": environment.name,
        "unprotect": "on",
        "reason": "",
        "request_key": str(uuid.uuid4()),
    }
    return {
        "environments/new": [deploy],
        "environments/<int:pk>/delete": [delete],
        "environments/<int:pk>/run": [{"association": "assoc-web", "only_failed": "1"}],
        "sandbox/": [
            {"form": "resource", "logical_id": "Vpc", "operation": "create", "reason": "No room."},
            {"form": "association", "name": "web", "where": "first", "number": 1, "printed": "x"},
            {"form": "api", "service": "s3", "action": "*", "mode": "throttle", "count": 1},
            {"form": "pace", "pace": "0"},
        ],
        "sandbox/machines/<slug:instance>/": [{"action": "kill"}],
        "sandbox/databases/<slug:cluster>/": [{"action": "failover"}],
        "sandbox/remove-faults": [{"kind": "resources", "name": "Vpc"}, {"kind": "api"}, {"kind": ""}],
        "login/": [{"username": "operator", "password": "a long password", "next": "/"}],
        "password/": [
            {
                "old_password": "a long password",
                "new_password1": "horse battery",
                "new_password2": "horse battery",
            }
        ],
        "language/": [{"language": "ja", "next": "/deployments/"}],
    }


def defaults() -> dict[str, str]:
    declared = template_files.load(settings.SANSO_TEMPLATE_SET).parameters
    return {name: parameter.default or "" for name, parameter in declared.items()} | GOOD_PARAMETERS


def field_names() -> list[str]:
    """Return the names of the fields of all forms, including the admin's."""
    found = {*names(), *DeleteForm.base_fields, *(PREFIX + name for name in defaults())}
    for form in FORMS:
        found.update(form.base_fields)
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True)
    for one in admin.site._registry.values():
        found.update(one.get_form(request).base_fields)
    return sorted(found | {"_selected_action", "select_across", "post", "_save", "usable_password"})


values = st.sampled_from(KNOWN) | numbers | texts


@st.composite
def forms(draw: st.DrawFn, bases: list[Fields], known: list[str]) -> dict[str, Any]:
    """Return the fields of a valid form with a few of them missing, strange or repeated; or any fields."""
    found = dict(draw(st.sampled_from([*bases, {}])))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*found, *known]) if draw(st.integers(0, 5)) else texts)
        if name in found and draw(st.integers(0, 4)) == 0:
            del found[name]
        else:
            found[name] = draw(values | st.lists(values, max_size=3))
    return found


@pytest.mark.parametrize("share", range(6))
def test_any_fields(world: World, share: int) -> None:
    """Every route has its own examples. The routes are divided between tests to limit their durations."""
    bases, known = valid_forms(), field_names()
    for route in itertools.islice(routes(), share, None, 6):
        if not route.is_async:
            any_fields_of(route, world, bases.get(str(route), []), known)


def any_fields_of(route: Route, world: World, bases: list[Fields], known: list[str]) -> None:
    @fuzzed(8 if bases else 1 if str(route).startswith("admin/") else 2)
    @given(route.paths(world.places), forms(bases, known), st.sampled_from(world.sessions))
    def is_handled(path: str, fields: dict[str, Any], session: str) -> None:
        post(path, urlencode(fields, doseq=True).encode(), FORM, session)

    is_handled()


CONTENT_TYPES = (
    *(FORM, f"{FORM}; charset=utf-16", f"{FORM}; charset=none", "application/json", "text/plain", "", "x"),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=b", "a" * 300),
    "multipart/form-data; boundary=\xe9",
)
BODIES = (
    *(
        b"",
        b"%",
        b"a=%ff&b=%00",
        b"&".join(b"a=b" for _ in range(1100)),
        b"a=" + b"x" * 3_000_000,
        b"\x00\xff",
    ),
    b'--b\r\nContent-Disposition: form-data; name="reason"\r\n\r\nx\r\n--b--\r\n',
    b'--b\r\nContent-Disposition: form-data; name="reason"; filename="../x"\r\n\r\n\xff\r\n--b--\r\n',
    b"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n*\r\n--b--",
    *(b"--b\r\n\r\n", b"--b\r\nContent-Disposition: x\r\n\r\n--b--", b"{}", b'{"a": [1]}'),
)


@fuzzed(80)
@given(st.data(), st.binary(max_size=50) | st.sampled_from(BODIES), st.sampled_from(CONTENT_TYPES))
def test_any_body(world: World, data: st.DataObject, body: bytes, content_type: str) -> None:
    route = data.draw(st.sampled_from([route for route in routes() if not route.is_async]))
    path = data.draw(route.paths(world.places))
    post(path, body, content_type, data.draw(st.sampled_from(world.sessions)))


def post(path: str, body: bytes, content_type: str, session: str) -> None:
    client = Client()
    client.cookies["sessionid"] = session
    with transaction.atomic():
        assert_handled(client.generic("POST", path, body, content_type=content_type))
        transaction.set_rollback(True)


def test_valid_forms_are_accepted(world: World) -> None:
    """Without this, the fuzzers might test only the first check of each form."""
    client = Client()
    client.cookies["sessionid"] = world.sessions[0]
    environment = Environment.objects.live().exclude(stack_id="").latest("pk")
    taken = {
        name: followed(client, name, environment, fields) for name, (fields, *_) in valid_forms().items()
    }
    assert {name: status for name, status in taken.items() if status != 302} == {}


def followed(client: Client, route: str, environment: Environment, fields: Fields) -> int:
    path = (
        route.replace("<int:pk>", str(environment.pk))
        .replace("<slug:instance>", "i-0")
        .replace("<slug:cluster>", "c")
    )
    with transaction.atomic():
        status = client.post(f"/{path}", fields).status_code
        transaction.set_rollback(True)
    return status
