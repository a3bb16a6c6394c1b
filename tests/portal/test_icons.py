"""The icons of pages: each that is used exists once, and statuses differ by shape."""

from __future__ import annotations

import re

from django.conf import settings
from django.template.loader import render_to_string

from deployments.environments.display import badges

SYMBOLS = dict(
    re.findall(r'<symbol id="i-([\w-]+)"[^>]*>(.*?)</symbol>', render_to_string("_icons.html"), re.DOTALL)
)


def used() -> set[str]:
    """Return the names in templates and modules."""
    named = set(badges.ICONS.values())
    for app in ("portal", "deployments"):
        for path in (settings.BASE_DIR / app).rglob("*.*"):
            if path.suffix in (".html", ".py"):
                named |= set(re.findall(r'\bicon[ (]"([\w-]+)"', path.read_text()))
    return named


def test_every_icon_exists_and_is_used() -> None:
    assert used() == set(SYMBOLS)


def test_every_status_has_a_shape_of_its_own() -> None:
    """Color is not enough to tell statuses apart."""
    shapes = [SYMBOLS[badges.ICONS[glyph]] for glyph in badges.GLYPHS.values()]

    assert len(set(shapes)) == len(shapes)
