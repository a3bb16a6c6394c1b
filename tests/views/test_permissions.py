"""Every route with every role and scope: rows that a person may not view are not found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from deployments.actions.request import Request
from deployments.core.roles import ROLES, Right, Role, Scope
from deployments.live import broadcaster, reads
from deployments.live.admission import Admission, StreamLimits
from deployments.models import Account, AuditRecord, Environment, Label, TemplateRef
from deployments.views import audit, export, stream
from deployments.wording.requests import ACTIONS
from tests.builders import make_account, make_deployment, make_environment, make_grant, make_user
from tests.previews import make_preview
from tests.template_versions import make_source, make_version
from tests.views.permission_rules import RULES, Route, Rule, To, routes

LABEL = ("team", "payments")
PASSWORD = "a long password"
FULL = (Scope.EVERYTHING, Scope.ENVIRONMENT)
"""Scopes in which every role sends requests; in the others those of the role with every right are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A sender of requests: with one grant, without any, a superuser, or not signed in."""

    who: str
    client: Client
    role: Role | None = None
    scope: Scope = Scope.EVERYTHING
    is_superuser: bool = False
    is_anonymous: bool = False

    def views(self, *, inside: bool) -> bool:
        """Return whether they may view an environment, inside or outside of the scope of their grant."""
        return self.is_superuser or (self.role is not None and (inside or self.scope is Scope.EVERYTHING))

    def has(self, right: Right) -> bool:
        """Return whether they have a right in any scope."""
        return self.is_superuser or (self.role is not None and right in ROLES[self.role])


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The rows of the addresses: inside the scope of all grants, or outside of the narrower scopes."""

    subjects: list[Subject]
    inside: Mapping[str, int]
    outside: Mapping[str, int]


@pytest.fixture
def world(template_set: Path, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two environments in two accounts, and users with each role for each scope."""
    in_this_thread(monkeypatch)
    ours, theirs = make_account("ours"), make_account("theirs")
    inside, outside = make_environment("inside", account=ours), make_environment("outside", account=theirs)
    Label.objects.create(environment=inside, key=LABEL[0], value=LABEL[1])
    source = make_source()
    version = make_version(source, tmp_path / "version")
    ref = TemplateRef.objects.create(source=source, name="refs/tags/v1", version=version, is_tag=True)
    Request(user=make_user(), action="fetch", permission=Right.MANAGE_SETS).record_missing_permission()
    record = AuditRecord.objects.order_by("-pk").first()
    assert record
    shared = {"source": source.pk, "version": version.pk, "ref": ref.pk, "record": record.pk}
    return World(
        subjects=list(_subjects(ours, inside)),
        inside=shared | _rows(inside),
        outside=shared | _rows(outside),
    )


def in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let streams and exports read in the test's transaction; their content is not tested here."""

    async def read(function: Any, *args: Any, **kwargs: Any) -> Any:
        return await sync_to_async(function)(*args, **kwargs)

    def admission() -> Admission:
        return Admission(lambda: StreamLimits(session=1_000, user=1_000, process=1_000))

    monkeypatch.setattr(reads, "in_thread", read)
    for module in (stream, export, audit):
        monkeypatch.setattr(module, "connections", SimpleNamespace(close_all=lambda: None))
    admitted = SimpleNamespace(streams=admission(), exports=admission())
    monkeypatch.setattr(broadcaster, "current", lambda: admitted)


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


def _subjects(account: Account, environment: Environment) -> Iterator[Subject]:
    yield Subject(who="a stranger", client=Client(), is_anonymous=True)
    root = make_user("root", is_superuser=True, is_staff=True)
    yield Subject(who="a superuser", client=_client(root), is_superuser=True)
    yield Subject(
        who="somebody without a grant",
        client=_client(User.objects.create_user("nobody", password=PASSWORD, is_staff=True)),
    )
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
            user = User.objects.create_user(f"{role}-{scope}", password=PASSWORD, is_staff=True)
            make_grant(user, role=role.value, scope=scope.value, **values)
            yield Subject(who=f"{role} of {scope}", client=_client(user), role=role, scope=scope)


def _client(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def is_allowed(rule: Rule, subject: Subject, *, inside: bool) -> bool:
    """Return whether a rule allows a request."""
    if rule.to is To.PUBLIC:
        return True
    if subject.is_anonymous:
        return False
    if rule.to is To.SIGNED_IN or subject.is_superuser:
        return True
    if rule.to is To.SUPERUSER or not subject.has(rule.right):
        return False
    if rule.to is To.EVERYTHING:
        return subject.scope is Scope.EVERYTHING
    if rule.to is To.ACCOUNT and subject.scope is Scope.ENVIRONMENT:
        return False  # a right about one environment does not allow creating another
    in_any_account = rule.to is To.ACCOUNT and subject.scope is Scope.LABEL
    return rule.to is To.SOMEWHERE or in_any_account or subject.views(inside=inside)


def is_there(rule: Rule, subject: Subject, *, inside: bool) -> bool:
    """Return whether a person may view the row that a request is about."""
    if rule.to is To.ENVIRONMENT:
        return subject.views(inside=inside)
    # Without any right to create, the response is 403 for every account.
    is_known = subject.views(inside=inside) and subject.scope is not Scope.ENVIRONMENT
    return rule.to is not To.ACCOUNT or not subject.has(rule.right) or is_known


def wrong(route: Route, rule: Rule, subject: Subject, rows: Mapping[str, int], *, inside: bool) -> str:
    """Send a request, undo its effects, and return the problem of the response; "" if there is none."""
    allowed, there = is_allowed(rule, subject, inside=inside), is_there(rule, subject, inside=inside)
    with transaction.atomic():
        cookies = deepcopy(subject.client.cookies)
        response = getattr(subject.client, rule.method)(address(route, rule, rows))
        subject.client.cookies = cookies  # a logout is also undone
        transaction.set_rollback(True)
    status = response.status_code
    login = status == 302 and response["Location"].startswith(reverse("login"))
    if allowed:
        right = not login and (
            status < 400 or status == 422 or (status in (404, 405) and rule.may_be_missing)
        )
        right = right or (rule.to is To.PUBLIC and status not in (403, 500))
        expected = "an answer"
    elif subject.is_anonymous:
        right, expected = (login if rule.unknown == 302 else status == rule.unknown), f"{rule.unknown}, login"
    else:
        expected = str(403 if there else 404)
        right = str(status) == expected
    place = "inside" if inside else "outside"
    sent = f"{rule.method.upper()} {route.key} by {subject.who}, {place}"
    return "" if right else f"{sent}: {status} instead of {expected}"


def address(route: Route, rule: Rule, rows: Mapping[str, int]) -> str:
    """Return the address of a route with its rows."""
    if not route.name:
        return route.key
    if rule.about == "account":
        return f"{reverse(route.name)}?account={rows['account']}"
    given = dict(rule.given or {}) | ({"pk": rows[rule.about]} if rule.about else {})
    return reverse(route.name, kwargs=given)


def test_every_route_has_a_rule() -> None:
    elsewhere = {"admin", "api"}  # tests/api/test_request_rights.py tests the rights of the API
    unknown = [one.key for one in routes() if not elsewhere & {*one.namespaces} and one.key not in RULES]
    assert not unknown, (
        f"These routes have no rule who may request them: {', '.join(unknown)}. "
        "Add each to RULES in tests/views/permission_rules.py, and check the right in its view."
    )
    gone = set(RULES) - {one.key for one in routes()}
    assert not gone, f"These rules are of no route: {', '.join(sorted(gone))}."


@pytest.mark.parametrize("part", range(4))
def test_every_route_does_what_its_rule_says(world: World, part: int) -> None:
    found = []
    for route in [one for one in routes() if one.key in RULES and "admin" not in one.namespaces][part::4]:
        for rule in RULES[route.key]:
            for subject in world.subjects:
                # Only a narrower scope makes a difference between the rows inside and outside of it.
                is_narrow = subject.scope is not Scope.EVERYTHING
                for inside in (
                    (True, False) if is_narrow and rule.to in (To.ENVIRONMENT, To.ACCOUNT) else (True,)
                ):
                    if rule.to in (To.PUBLIC, To.SIGNED_IN) and subject.scope is not Scope.EVERYTHING:
                        continue
                    rows = world.inside if inside else world.outside
                    found.append(wrong(route, rule, subject, rows, inside=inside))
    wrong_ones = [one for one in found if one]
    assert not wrong_ones, "\n".join(wrong_ones)
    assert len(found) > 100


def test_the_admin_is_for_superusers_and_some_pages_for_those_who_manage_accounts(world: World) -> None:
    values = {"object_id": "1", "app_label": "deployments", "content_type_id": "1", "id": "1", "url": "x"}
    subjects = [
        one
        for one in world.subjects
        if not one.is_anonymous and (one.role is Role.ADMIN or one.scope is Scope.EVERYTHING)
    ]
    for route in [one for one in routes() if "admin" in one.namespaces]:
        if not route.name or route.name in ("login", "logout", "password_change"):
            continue  # redirects
        url = reverse(route.key, kwargs={name: values[name] for name in route.names})
        is_managed = route.name.startswith(("deployments_account_", "deployments_freezewindow_"))
        for one in subjects:
            has_right = one.role is Role.ADMIN and one.scope is Scope.EVERYTHING
            if one.is_superuser or (has_right and (is_managed or route.name in ("index", "jsi18n"))):
                continue
            assert one.client.get(url).status_code == 403, f"{route.key} for {one.who}"
            if one.role is not None and (one.role, one.scope) != (Role.ADMIN, Scope.ACCOUNT):
                continue
            before = AuditRecord.objects.count()
            assert one.client.post(url).status_code == 403, f"{route.key} for {one.who}"
            record = AuditRecord.objects.order_by("-pk")[0]
            assert (AuditRecord.objects.count(), record.outcome) == (before + 1, "refused"), route.key
            assert (record.details, record.action in ACTIONS) == ({"page": url}, True), route.key
