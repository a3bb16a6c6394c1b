"""What the documents for operators name in italics is on a page, in the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings

DOCS = Path(settings.BASE_DIR) / "docs"
FOR_OPERATORS = ("first-environment.md", "states.md", "runbooks.md")


@pytest.fixture(scope="module")
def texts() -> str:
    """Every text of pages in both languages, one a line."""
    with (Path(settings.LOCALE_PATHS[0]) / "ja" / "LC_MESSAGES" / "django.po").open("rb") as file:
        catalog = read_po(file)
    found: list[str] = []
    for one in catalog:
        for text in (one.id, one.string):
            found += [text] if isinstance(text, str) else list(text or ())
    return "\n".join(found)


@pytest.mark.parametrize("name", FOR_OPERATORS)
def test_every_label_in_a_document_is_on_a_page(name: str, texts: str) -> None:
    document = re.sub(r"```.*?```|`[^`]*`", "", (DOCS / name).read_text(), flags=re.DOTALL)
    labels = {" ".join(one.split()) for one in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", document)}

    assert labels
    assert {label for label in labels if label.partition(" …")[0] not in texts} == set()
