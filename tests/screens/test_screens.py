"""Every page of the URL configuration is among the screens."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from tests.pages.permission_rules import RULES, routes
from tests.screens.catalog import ERROR_PAGES, FRESH, LIVE, SCREENS, WITHOUT_SCREEN
from tests.services import REPOSITORY

TAKEN = {screen.route for screen in (*FRESH, *SCREENS, *LIVE)}
PAGES = {
    route.key
    for route in routes()
    if not route.namespaces and any(rule.method == "get" for rule in RULES.get(route.key, ()))
}


def test_every_page_has_a_screen_or_a_reason() -> None:
    assert PAGES - TAKEN - set(WITHOUT_SCREEN) == set()


def test_no_page_with_a_screen_has_a_reason_for_none() -> None:
    assert TAKEN & set(WITHOUT_SCREEN) == set()
    assert set(WITHOUT_SCREEN) <= PAGES


def test_every_screen_has_an_address_and_a_name_of_its_own() -> None:
    screens = (*FRESH, *SCREENS, *LIVE)
    names = [screen.name for screen in screens]
    assert len(set(names)) == len(names)
    for screen in screens:
        try:
            reverse(screen.route, kwargs=dict.fromkeys(screen.given or (), 1))
        except NoReverseMatch as missing:  # pragma: no cover  # the failure of the test
            raise AssertionError(f"{screen.name}: {missing}") from missing


def test_every_error_page_is_taken() -> None:
    errors = {file.stem for file in (REPOSITORY / "portal" / "templates").glob("[345]*.html")}

    assert errors == {*ERROR_PAGES, *(screen.name for screen in SCREENS if screen.name.isdecimal())}
