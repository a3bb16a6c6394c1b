"""The table of roles in docs/access.md is the code's."""

from __future__ import annotations

from django.conf import settings

from deployments.core.roles import ROLES
from deployments.wording.access import RIGHTS


def table() -> str:
    """Return the table: a row for each right, a column for each role."""
    lines = [
        "| right | " + " | ".join(role.value for role in ROLES) + " |",
        "|---" * (len(ROLES) + 1) + "|",
    ]
    for right, name in RIGHTS.items():
        marks = ["✓" if right in rights else "" for rights in ROLES.values()]
        lines.append(f"| {name} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def test_the_table_of_roles_is_what_the_code_does() -> None:
    document = (settings.BASE_DIR / "docs" / "access.md").read_text()

    assert table() in document
