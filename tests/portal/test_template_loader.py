"""Templates are indented for readability; rendered pages are not."""

from __future__ import annotations

import pytest

from portal.template_loader import without_indentation


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            "<td>\n  {% if on %}\n    <b>{{ on }}</b>\n  {% endif %}\n</td>",
            "<td>{% if on %}<b>{{ on }}</b>{% endif %}</td>",
        ),
        ("<a>\n  {{ name }}\n</a>\nby", "<a>{{ name }}</a>\nby"),
        ("{% load i18n %}\n<p>\n  Hello\n</p>\n", "{% load i18n %}<p>Hello</p>\n"),
    ],
)
def test_indentation_at_the_edges_of_elements_and_blocks_is_removed(template: str, expected: str) -> None:
    assert without_indentation(template) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("<b>one</b>\n<i>two</i>", "<b>one</b>\n<i>two</i>"),
        ("<input>\n  Remember me", "<input>\nRemember me"),
        (
            "{% for name in path %}\n  {{ name }} ▸\n{% endfor %}",
            "{% for name in path %}\n{{ name }} ▸\n{% endfor %}",
        ),
        ("<p\n   {% if off %}hidden{% endif %}\n   id=a>", "<p\n{% if off %}hidden{% endif %}\nid=a>"),
        ("{% if a %} {{ a }}{% endif %}\n<b></b>", "{% if a %} {{ a }}{% endif %}\n<b></b>"),
    ],
)
def test_a_line_break_that_is_a_space_on_the_page_stays(template: str, expected: str) -> None:
    assert without_indentation(template) == expected
