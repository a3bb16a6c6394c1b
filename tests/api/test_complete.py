"""Everything that pages can change, the API can change: the lists are read from the code.

A new action, or a new page that accepts a form, fails here until the API has it or a reason is listed below.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from django.urls import get_resolver

import deployments
from deployments.access.commands import sandbox
from deployments.administration.commands import invitations, tokens
from deployments.audit import commands
from deployments.call_logs import commands as support_commands
from deployments.changes.commands import databases, preview
from deployments.first_contact import commands as contact_commands
from tests.commands.scenes import SCENES
from tests.pages.permission_rules import RULES

ONLY_ON_PAGES: dict[Callable[..., Any], str] = {
    tokens.create_token: "a token that leaks must not create one that lives longer",
    tokens.revoke_token: "as their creation",
    preview.request_version: "create_preview with template_version is the same change",
    databases.request_databases: "create_preview with a change of databases is the same change",
    **dict.fromkeys(
        (invitations.invite, invitations.renew_invitation, invitations.withdraw_invitation),
        "the link of an invitation lets a person sign in: it is displayed to who invites, once",
    ),
    commands.export_audit: "the API lists the records themselves",
    support_commands.export_support_bundle: "a person reads it before sending it; manage.py support_bundle",
    contact_commands.record_download: "get_first_contact has the report; a person reads the log first",
    sandbox.request_of_sandbox: "the sandbox has a control API of its own, docs/sandbox.md",
}
"""Actions that the API does not have, with the reason."""
OF_A_BROWSER: dict[str, str] = {
    "environment_check": "it checks one field of a form; check_environment checks all values",
    "set_language": "Accept-Language is the language of an API request",
    "logout": "of a session",
    "template_set_push": "it is for programs itself",
    "command_line_login": "the command line gets its token there, with which it calls the API",
    "command_line_exchange": "as command_line_login",
}
"""Pages that accept forms and request no action, with the reason."""
LOGIN = ("account_", "mfa_", "passkey_", "login", "password_", "oidc_", "saml_", "invitation_", "admin:")


def functions_in(module: ModuleType) -> set[Any]:
    """Return the functions that the code of a module names: its own and imported ones."""
    return {one for node in ast.walk(ast.parse(inspect.getsource(module))) for one in named(node, module)}


def named(node: ast.AST, module: ModuleType) -> Iterator[Any]:
    """Yield the function that a node of a module's code names."""
    found = None
    if isinstance(node, ast.Name):
        found = vars(module).get(node.id)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        of = vars(module).get(node.value.id)
        found = getattr(of, node.attr, None) if isinstance(of, ModuleType) else None
    if isinstance(found, FunctionType):
        yield found


def requested_by(view: Any) -> set[Any]:
    """Return the actions that a view requests, itself or by functions of its module."""
    module = sys.modules[view.__module__]
    todo, seen, found = [inspect.unwrap(view)], set(), set()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(one)))):
            for function in named(node, module):
                function = inspect.unwrap(function)
                if ".commands" in function.__module__:
                    found.add(function)
                elif function.__module__ == view.__module__:
                    todo.append(function)
    return found


def in_the_api() -> set[Any]:
    """Return the functions that the API names."""
    names = [one.name for one in pkgutil.walk_packages(deployments.__path__, "deployments.")]
    modules = [importlib.import_module(name) for name in names if "api" in name.split(".")]
    return {one for module in modules for one in functions_in(module)}


def test_every_action_is_an_operation_of_the_api_or_has_a_reason() -> None:
    missing = {one.__name__ for one in set(SCENES) - in_the_api() - set(ONLY_ON_PAGES)}

    assert not missing, f"The API does not have {', '.join(sorted(missing))}: see deployments/api."
    assert not set(ONLY_ON_PAGES) & in_the_api(), "The API has it now: remove the reason."


def views() -> Mapping[str, Any]:
    """Return the view of each page that accepts a form, by the name of its route."""
    posts = {name for name, rules in RULES.items() if any(rule.method == "post" for rule in rules)}
    return {one.name: one.callback for one in patterns(get_resolver().url_patterns) if one.name in posts}


def patterns(found: list[Any]) -> Iterator[Any]:
    for one in found:
        if hasattr(one, "url_patterns"):
            yield from patterns(one.url_patterns)
        else:
            yield one


def test_every_page_that_accepts_a_form_requests_an_action_of_the_api_or_has_a_reason() -> None:
    known = in_the_api()
    without = []
    for name, view in views().items():
        if name in OF_A_BROWSER or name.startswith(LOGIN):
            continue
        wanted = requested_by(view) & set(SCENES)
        if not wanted or wanted - known - set(ONLY_ON_PAGES):
            without.append(name)

    assert len(views()) > 40
    assert not without, f"What these pages request is not in the API: {', '.join(sorted(without))}."
