"""The table of roles in docs/access.md is the code's."""

from __future__ import annotations

import gettext
import re

from django.conf import settings
from django.utils import translation

from deployments.access.rules.roles import ROLES
from deployments.access.texts.roles import RIGHTS


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


def test_texts_name_a_right_as_the_table_does_in_every_language() -> None:
    path = settings.BASE_DIR / "portal" / "locale"
    catalog = gettext.translation("django", path, ["ja"])
    texts = [one for one in catalog._catalog if isinstance(one, str)]  # type: ignore[attr-defined]  # its messages
    quoted = {text: re.findall(r"permission “([^%”{]+)”", text) for text in texts}
    named = {text: names for text, names in quoted.items() if names}

    assert len(named) >= 5
    for text, names in named.items():
        assert set(names) <= {str(name) for name in RIGHTS.values()}, text
        with translation.override("ja"):
            for name in names:
                assert translation.gettext(name) in catalog.gettext(text), text
