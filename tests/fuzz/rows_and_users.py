"""Rows of every kind and sessions of every user, for the fuzzers of pages and forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponseBase
from django.test import Client
from hypothesis import strategies as st

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.models.stacks import Resource
from tests.builders import make_account, make_operator, make_user
from tests.health_builders import make_whole
from tests.live import scenes

KNOWN = (
    *("1", "2", "3", "events", "waterfall", "inputs", "active", "problems", "failed", "done", "portal"),
    *(
        "cloudformation",
        "Network",
        "Aurora/Inner",
        "AWS::EC2::Subnet",
        "changed",
        "1-1",
        "0-99",
        "/",
        "/admin/",
    ),
    *("foo", ":", "Infinity", "a\0b", "//x", "http://127.0.0.1/", "fleet", "delete_selected", "2026-11-26"),
)
"""Values with a meaning in some query."""


class World:
    """Rows of every kind, and sessions of every user."""

    def __init__(self, account: str) -> None:
        make_account("sandbox", is_sandbox=True, sandbox_account_id=account)
        for scene in (scenes.running, scenes.rolled_back, scenes.succeeded, scenes.deleted):
            scene()
        make_whole("whole")
        operator = make_operator("operator")
        root = session_of(make_user("root", is_staff=True, is_superuser=True))
        self.sessions = [root, root, session_of(operator), session_of(make_user("viewer")), ""]
        keys = [
            *Deployment.objects.values_list("pk", flat=True),
            *Environment.objects.values_list("pk", flat=True),
        ]
        paths = {
            f"{row.stack.path}/{row.logical_id}".lstrip("/")
            for row in Resource.objects.select_related("stack")
        }
        self.places: Mapping[str, st.SearchStrategy[Any]] = {
            "pk": st.sampled_from(keys),
            "run": st.sampled_from([0, *AssociationRun.objects.values_list("pk", flat=True)]),
            "path": st.sampled_from(["", *sorted(paths)]),
            "kind": st.sampled_from(["csv", "json"]),
            "name": st.sampled_from(["success", "failure", "update", "none"]),
            "object_id": st.sampled_from([*keys, "__fk__", "_5F"]),
            "content_type_id": st.sampled_from(list(ContentType.objects.values_list("pk", flat=True))),
            "app_label": st.sampled_from(["deployments", "auth"]),
        }


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def assert_handled(answer: HttpResponseBase) -> None:
    """Assert that a response is no server error; an exception fails the test anyway."""
    assert answer.status_code < 500 or answer.status_code == 503
    if answer.status_code in (400, 403, 404, 422, 429) and not answer.streaming:
        assert answer.content  # type: ignore[attr-defined]  # not a stream
