"""The rows and the people of the permission matrix: two environments in two accounts, and every identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client

from deployments.access.commands.requesting import CommandRequest
from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Label, Team
from deployments.access.rules.roles import ROLES, Right, Role, Scope
from deployments.audit.pages import views as audit_views
from deployments.changes.models.approvals import ApprovalRule
from deployments.deployment_pages.api import stream as api_stream
from deployments.deployment_pages.pages import event_export, stream
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.live import broadcaster, reads
from deployments.live.streams import Admission, StreamLimits
from deployments.locks.models import FreezeWindow
from deployments.template_sets.models.sources import TemplateFetch
from deployments.template_sets.models.versions import TemplateRef
from tests.builders import make_account, make_deployment, make_environment, make_grant, make_user
from tests.previews import make_preview
from tests.template_versions import make_source, make_version

LABEL = ("team", "mark-label")
FULL = (Scope.EVERYTHING, Scope.ENVIRONMENT)
"""Scopes in which every role sends requests; in the others those of the role with every right are enough."""
INSIDE = ("mark-inside", "mark-ours", LABEL[1])
"""What is shown only to who may view the environment inside of the grants' scope."""
PASSWORD = make_password("a long password")
"""The same for everybody, since each takes time."""
SETS = ("mark-set", "mark-server", "mark-author", "mark-ref")
"""What is shown only to who may view any environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A sender of requests: with one grant, without any, a superuser, or not signed in."""

    who: str
    client: Client
    user: User | None = None
    role: Role | None = None
    scope: Scope = Scope.EVERYTHING
    is_superuser: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Return whether nobody is signed in."""
        return self.user is None

    def views(self, *, inside: bool) -> bool:
        """Return whether they may view an environment, inside or outside of the scope of their grant."""
        return self.is_superuser or (self.role is not None and (inside or self.scope is Scope.EVERYTHING))

    def has(self, right: Right) -> bool:
        """Return whether they have a right in any scope."""
        return self.is_superuser or (self.role is not None and right in ROLES[self.role])

    def hidden(self) -> tuple[str, ...]:
        """Return what no page may contain for them, whatever else it shows."""
        if self.is_superuser or self.role is not None:
            return ()
        return INSIDE + SETS


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The rows of the addresses: inside the scope of all grants, or outside of the narrower scopes."""

    subjects: list[Subject]
    inside: Mapping[str, int]
    outside: Mapping[str, int]


def make_world(folder: Path) -> World:
    """Return two environments in two accounts, and users with each role for each scope."""
    ours, theirs = make_account("mark-ours"), make_account("theirs")
    inside, outside = make_environment("mark-inside", account=ours), make_environment("out", account=theirs)
    Label.objects.create(environment=inside, key=LABEL[0], value=LABEL[1])
    source = make_source("mark-set", url="https://mark-server.example/mark-set.git", refs="mark-ref")
    version = make_version(source, folder, author="mark-author")
    ref = TemplateRef.objects.create(source=source, name="refs/tags/mark-ref", version=version, is_tag=True)
    CommandRequest(user=make_user(), action="fetch", permission=Right.MANAGE_SETS).record_missing_permission()
    record = AuditRecord.objects.order_by("-pk").first()
    assert record
    shared = {"source": source.pk, "version": version.pk, "ref": ref.pk, "record": record.pk}
    subjects = list(_subjects(ours, inside))
    shared |= _others(ours, source.pk)
    return World(subjects=subjects, inside=shared | _rows(inside), outside=shared | _rows(outside))


def _rows(environment: Environment) -> dict[str, int]:
    deployment = make_deployment(environment, state="failed", active_key=None)
    Environment.objects.filter(pk=environment.pk).update(latest=deployment)
    change = make_preview(environment)
    return {
        "environment": environment.pk,
        "account": environment.account_id,
        "deployment": deployment.pk,
        "change": change.pk,
    }


def _others(account: Account, source: int) -> dict[str, int]:
    """Return the keys of rows that only the API has addresses of, or that pages show for 0."""
    person, team = make_user("mark-person"), Team.objects.create(name="mark-team")
    window = FreezeWindow.objects.create(
        account=account, name="mark-window", reason="mark-reason", start_time=time(1), end_time=time(2)
    )
    rule = ApprovalRule.objects.create(label_key="stage", label_value="mark-rule", approvals=1)
    grant = Grant.objects.create(team=team, role="viewer", scope="everything")
    fetch = TemplateFetch.objects.create(source_id=source, trigger="button", state="failed")
    return {
        "person": person.pk,
        "team": team.pk,
        "window": window.pk,
        "rule": rule.pk,
        "grant": grant.pk,
        "fetch": fetch.pk,
    }


def _subjects(account: Account, environment: Environment) -> Iterator[Subject]:
    yield Subject(who="a stranger", client=Client())
    root = make_user("root", is_superuser=True, is_staff=True)
    yield Subject(who="a superuser", client=_client(root), user=root, is_superuser=True)
    nobody = _person("nobody")
    yield Subject(who="somebody without a grant", client=_client(nobody), user=nobody)
    about: dict[Scope, dict[str, Any]] = {
        Scope.EVERYTHING: {},
        Scope.ACCOUNT: {"account": account},
        Scope.LABEL: {"label_key": LABEL[0], "label_value": LABEL[1]},
        Scope.ENVIRONMENT: {"environment": environment},
    }
    for role in ROLES:
        for scope, values in about.items():
            if scope not in FULL and role is not Role.ADMIN:
                continue
            user = _person(f"{role}-{scope}")
            make_grant(user, role=role.value, scope=scope.value, **values)
            yield Subject(who=f"{role} of {scope}", client=_client(user), user=user, role=role, scope=scope)


def _person(name: str) -> User:
    return User.objects.create(username=name, is_staff=True, password=PASSWORD)


def _client(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams and exports read in the test's transaction; their content is not tested here."""

    async def read(function: Any, *args: Any, **kwargs: Any) -> Any:
        return await sync_to_async(function)(*args, **kwargs)

    def admission() -> Admission:
        return Admission(lambda: StreamLimits(session=1_000, user=1_000, process=1_000))

    monkeypatch.setattr(reads, "in_thread", read)
    for module in (stream, event_export, audit_views, api_stream):
        monkeypatch.setattr(module, "connections", SimpleNamespace(close_all=lambda: None))
    admitted = SimpleNamespace(streams=admission(), exports=admission())
    monkeypatch.setattr(broadcaster, "current", lambda: admitted)
