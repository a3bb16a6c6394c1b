"""SECURITY.md names every identity, and every route and operation that needs no right."""

from __future__ import annotations

import re

from django.conf import settings

from deployments.access.rules.roles import Role
from deployments.common import request_context
from tests.pages.permission_rules import OWN_OPERATIONS, RULES, To

TEXT = (settings.BASE_DIR / "SECURITY.md").read_text()
BY = {
    request_context.SESSION: "a person without a grant",
    request_context.TOKEN: "an API token",
    request_context.WEBHOOK: "a Git server with a webhook",
    request_context.COMMAND: "the owners of the installation",
    request_context.SCHEDULE: "",
}
"""The row about each sender of a request that audit records distinguish; a schedule acts for nobody."""


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][1:]


def test_every_identity_has_a_row() -> None:
    rows = first_cells(section("Who is trusted with what"))

    assert {row.strip("`") for row in rows if row.startswith("`")} == {role.value for role in Role}
    assert set(BY) == {value for name, value in vars(request_context).items() if name.isupper()}
    missing = [row for row in BY.values() if not any(one.startswith(row) for one in rows)]
    assert not missing, f"SECURITY.md has no row about {missing}."


def test_every_route_that_needs_no_right_is_listed() -> None:
    listed = section("What needs no right")
    table, _end, beside = listed.partition("\nOperations of the API")
    found = {
        name for line in table.splitlines() if line.startswith("| ") for name in _names(line.split("|")[2])
    }

    free = {name for name, rules in RULES.items() if {rule.to for rule in rules} & {To.PUBLIC, To.SIGNED_IN}}
    assert found == free, "The table of SECURITY.md differs from the rules of the routes."
    assert _names(beside) == OWN_OPERATIONS


def _names(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))
