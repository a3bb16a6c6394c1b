"""The permission matrix: every route and every operation of the API with every identity.

It is generated from the URL configuration, the API's document and the roles: what is added there is in it.
Rows that a person may not view are not found, and no page shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.rules.roles import ROLES, Right, Role, Scope
from deployments.access.rules.token_scopes import SCOPES
from deployments.access.texts.commands import ACTIONS
from deployments.administration.commands.tokens import create_token
from tests.pages.permission_operations import Operation, operations
from tests.pages.permission_rules import OWN_OPERATIONS, RULES, Route, Rule, To, routes
from tests.pages.permission_world import INSIDE, SETS, Subject, World, in_this_thread, make_world


@pytest.fixture
def world(
    template_set: Path, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> World:
    """Two environments in two accounts, and users with each role for each scope."""
    in_this_thread(monkeypatch)
    settings.SANSO_API_REQUESTS_PER_TOKEN = settings.SANSO_API_REQUESTS_PER_ADDRESS = 1_000_000
    return make_world(tmp_path / "version")


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
    if shown := _shown(response, () if subject.is_superuser else subject.hidden()):
        return f"{rule.method.upper()} {route.key} shows {shown} to {subject.who}"
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


def _shown(response: Any, hidden: tuple[str, ...]) -> str:
    """Return the first of these texts that a response contains; "" for none."""
    if isinstance(response, StreamingHttpResponse) or not hidden:
        return ""
    content = response.content.decode()
    return next((one for one in hidden if one in content), "")


def address(route: Route, rule: Rule, rows: Mapping[str, int]) -> str:
    """Return the address of a route with its rows."""
    if not route.name:
        return route.key
    if rule.about == "account":
        return f"{reverse(route.name)}?account={rows['account']}"
    given = dict(rule.given or {}) | ({"pk": rows[rule.about]} if rule.about else {})
    return reverse(route.name, kwargs=given)


def test_every_route_has_a_rule() -> None:
    elsewhere = {"admin", "api"}  # below
    unknown = [one.key for one in routes() if not elsewhere & {*one.namespaces} and one.key not in RULES]
    assert not unknown, (
        f"These routes have no rule who may request them: {', '.join(unknown)}. "
        "Add each to RULES in tests/pages/permission_rules.py, and check the right in its view."
    )
    gone = set(RULES) - {one.key for one in routes()}
    assert not gone, f"These rules are of no route: {', '.join(sorted(gone))}."


def senders(world: World, rule: Rule) -> Iterator[tuple[Subject, bool]]:
    """Yield who sends a request, and whether it is about the environment inside of the scope of their grant.

    Every role without the right for everything is refused. Of the others one for each scope and answer is
    enough: they differ by the right and the scope alone, and pages take time.
    """
    sent: set[tuple[Scope, bool, bool, bool]] = set()
    for subject in world.subjects:
        # Only a narrower scope makes a difference between the rows inside and outside of it.
        is_narrow = subject.scope is not Scope.EVERYTHING
        if is_narrow and rule.to in (To.PUBLIC, To.SIGNED_IN):
            continue
        for inside in (True, False) if is_narrow and rule.to in (To.ENVIRONMENT, To.ACCOUNT) else (True,):
            allowed = is_allowed(rule, subject, inside=inside)
            kind = (subject.scope, inside, allowed, subject.has(rule.right))
            if subject.role is not None and (allowed or is_narrow):
                if kind in sent:
                    continue
                sent.add(kind)
            yield subject, inside


@pytest.mark.parametrize("part", range(4))
def test_every_route_does_what_its_rule_says(world: World, part: int) -> None:
    found = []
    for route in [one for one in routes() if one.key in RULES and "admin" not in one.namespaces][part::4]:
        for rule in RULES[route.key]:
            for subject, inside in senders(world, rule):
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
        if not one.is_anonymous
        and (one.role is Role.ADMIN or (one.role in (None, Role.DEPLOYER) and one.scope is Scope.EVERYTHING))
    ]
    for route in [one for one in routes() if "admin" in one.namespaces]:
        if not route.name or route.name in ("login", "logout", "password_change"):
            continue  # redirects
        url = reverse(route.key, kwargs={name: values[name] for name in route.names})
        is_managed = route.name.startswith("deployments_account_")
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


def program(subject: Subject, *scopes: str) -> Client:
    """Return a program with a token of a person."""
    assert subject.user
    _token, value = create_token(user=subject.user, name="CI", scopes=scopes or SCOPES, lifetime_days=30)
    return Client(headers={"Authorization": f"Bearer {value}"})


def sent(client: Client, operation: Operation, rows: Mapping[str, int]) -> Any:
    """Send the request of an operation, undo its effects, and return the response."""
    path, body = operation.address(rows), operation.body
    with transaction.atomic():
        if operation.method == "get":
            response = client.get(path)
        elif isinstance(body, bytes):
            response = client.post(path, body, "application/octet-stream")
        else:
            ours = {"account": rows["account"]} if "account" in body else {}
            response = client.post(path, body | ours, "application/json")
        transaction.set_rollback(True)
    return response


def the(world: World, role: Role | None, scope: Scope = Scope.EVERYTHING) -> Subject:
    """Return the person with a role for a scope, or (None) the one without a grant."""
    return next(
        one
        for one in world.subjects
        if (one.role, one.scope) == (role, scope) and not one.is_superuser and not one.is_anonymous
    )


def test_no_operation_of_the_api_responds_without_a_token_or_beyond_its_scope(world: World) -> None:
    root = next(one for one in world.subjects if one.is_superuser)
    every, reader = program(root), program(root, "read")
    found = []
    for one in operations():
        statuses = [sent(client, one, world.inside).status_code for client in (Client(), reader, every)]
        expected = 200 if one.method == "get" else 403
        right = statuses[0] == 401 and (statuses[1] == expected or one.method == "get")
        if not right or statuses[2] in (401, 403) or statuses[2] >= 500:
            found.append(f"{one.method.upper()} {one.path}: {statuses}")
    assert not found, (
        "without a token, with one that only reads, with one that may everything:\n" + "\n".join(found)
    )


def test_the_api_shows_nothing_without_a_grant_and_nothing_outside_of_its_scope(world: World) -> None:
    nobody, outsider = the(world, None), the(world, Role.ADMIN, Scope.ENVIRONMENT)
    found, senders = [], ((nobody, program(nobody)), (outsider, program(outsider)))
    for one in operations():
        for subject, client in senders:
            # The environment of the grant is inside: what is outside of it is another one.
            rows = world.inside if subject is nobody else world.outside
            response = sent(client, one, rows)
            status, hidden = response.status_code, INSIDE + SETS if subject is nobody else ("theirs",)
            is_foreign = subject is nobody or one.is_about_environment
            is_read = one.method == "get" and not one.is_about_environment and status == 200
            if shown := _shown(response, hidden):
                found.append(f"{one.method.upper()} {one.path} shows {shown} to {subject.who}")
            elif is_foreign and status not in (403, 404) and not is_read:
                found.append(f"{one.method.upper()} {one.path} by {subject.who}: {status}")
            elif is_read and subject is nobody and one.id not in OWN_OPERATIONS and response.json()["items"]:
                found.append(f"GET {one.path} lists rows to {subject.who}")
    assert not found, "\n".join(found)


def test_every_operation_is_for_the_roles_that_have_the_right_that_it_names(world: World) -> None:
    clients = {role: program(the(world, role)) for role in ROLES}
    found, rights = [], {}
    for one in [one for one in operations() if one.method != "get"]:
        refused = sent(clients[Role.VIEWER], one, world.inside)
        if refused.status_code != 403:
            if "notification" not in one.id and one.id != "retry_delivery":
                found.append(f"POST {one.path} by a viewer: {refused.status_code}")
            continue
        right = json.loads(refused.content)["values"].get("permission", "")
        rights[one.id] = right
        for role, client in clients.items():
            response = sent(client, one, world.inside)
            is_allowed = response.status_code != 403
            if is_allowed != (right in ROLES[role]) or response.status_code >= 500:
                found.append(f"POST {one.path} needs {right}, {role}: {response.status_code}")
    assert not found, "\n".join(found)
    assert len(rights) > 50
    # To view takes no request, and the last two are needed for a part of what another right allows.
    elsewhere = {Right.VIEW, Right.VIEW_AUDIT, Right.MANAGE_NOTIFICATIONS, Right.RELEASE, Right.FORCE_DELETE}
    assert set(rights.values()) == set(Right) - elsewhere
