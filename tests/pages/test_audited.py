"""No page and no action writes without an audit record in the same transaction.

Both lists are generated: pages from the routes, actions from `tests/commands/test_requests.py`.
Permissions of pages and records of refusals are tested in test_access.py, the admin in tests/admin.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.test import Client
from django.urls import URLResolver, get_resolver

from deployments.access.models.audit_records import AuditRecord, AuditRecordQuerySet
from tests.builders import make_environment, make_operator, make_user
from tests.commands.scenes import REQUESTS, SCENES, template_set

pytestmark = pytest.mark.django_db
__all__ = ["template_set"]
WRITES = {
    *("save", "asave", "create", "acreate", "update", "aupdate", "delete", "adelete"),
    *("bulk_create", "bulk_update", "get_or_create", "update_or_create", "atomic", "execute"),
}
OF_OTHERS = {"session", "given", "context", "values"}
"""Other objects with methods of these names: sessions and dictionaries."""


def views(patterns: Iterable[Any]) -> Iterator[Callable[..., Any]]:
    """Yield the views of all routes but the admin's."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from views(pattern.url_patterns)
        else:
            yield inspect.unwrap(getattr(pattern.callback, "view_class", pattern.callback))


def written_in(path: Path) -> list[str]:
    """Return the lines of a file that call methods that write rows, without calls of dictionaries."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            text = ast.unparse(node.func.value)
            if "objects" in text or text.split(".")[-1] not in OF_OTHERS:
                found.append(f"{path.name}:{node.lineno} {text}.{node.func.attr}")
    return found


def test_pages_write_through_actions_alone() -> None:
    modules = {sys.modules[view.__module__] for view in views(get_resolver().url_patterns)}
    ours = [m for m in modules if ".pages" in m.__name__ or m.__name__.startswith("portal.views")]

    assert len(ours) > 20
    assert [line for module in ours for line in written_in(Path(str(module.__file__)))] == []


def everything() -> dict[str, list[Any]]:
    """Return all rows except audit records."""
    models: list[Any] = [*apps.get_app_config("deployments").get_models(), User]
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in models
        if not model.__name__.startswith("Audit")
    }


@REQUESTS
def test_an_action_whose_record_cannot_be_written_writes_nothing(
    action: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = SCENES[action]()
    user = User.objects.filter(username="root").first() or make_user("root", is_superuser=True)
    before = everything()

    def refuse(*_: object, **__: object) -> NoReturn:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(AuditRecordQuerySet, "write", refuse)
    with pytest.raises(DatabaseError):
        action(user=user, **values)

    assert everything() == before


def test_a_page_whose_record_cannot_be_written_writes_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = make_environment("shop")
    client.force_login(make_operator("ana"))
    client.raise_request_exception = False

    def refuse(*_: object, **__: object) -> NoReturn:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(AuditRecordQuerySet, "write", refuse)
    response = client.post(f"/environments/{environment.pk}/lock", {"reason": "load test"})

    assert response.status_code == 500
    assert not environment.locks.exists()
    assert not AuditRecord.objects.exists()
