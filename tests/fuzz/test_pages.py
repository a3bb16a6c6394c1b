"""Every address returns a page or file, or an explanation with a 4xx status."""

from __future__ import annotations

import itertools

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.hostile import header_texts
from tests.fuzz.profile import fuzzed
from tests.fuzz.routes import Route, queries, routes
from tests.fuzz.rows_and_users import KNOWN, World, assert_handled
from tests.services import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]


@pytest.fixture
def world(sandbox: Sandbox, sandbox_account: str) -> World:
    return World(sandbox_account)


HEADERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "HX-Request": st.just("true"),
        "HX-Current-URL": header_texts,
        "Last-Event-ID": header_texts,
        "Accept-Language": st.sampled_from(("ja", "en", "*", "xx-yy;q=9", ",,,", "a" * 600)),
        "Accept-Encoding": st.just("gzip"),
        "If-Modified-Since": header_texts,
        "Cookie": header_texts,
    },
)


@st.composite
def requests(draw: st.DrawFn, world: World, route: Route) -> tuple[str, str, dict[str, str], str]:
    query = draw(queries(st.sampled_from(KNOWN)))
    return draw(route.paths(world.places)), query, draw(HEADERS), draw(st.sampled_from(world.sessions))


PAGES = [route for route in routes() if not route.is_async]


def test_the_routes_are_those_of_the_portal() -> None:
    found = {str(route) for route in routes()}
    assert {"environments/<int:pk>/", "sandbox/", "admin/deployments/event/"} <= found
    assert "deployments/<int:pk>/stream" in found - set(map(str, PAGES))


@pytest.mark.parametrize("share", range(6))
def test_any_address(world: World, share: int) -> None:
    """Every page has its own examples. The pages are divided between tests to limit their durations."""
    for route in itertools.islice(PAGES, share, None, 6):
        any_address_of(route, world)


def any_address_of(route: Route, world: World) -> None:
    @fuzzed(1 if str(route).startswith(("admin/", "api/")) else 2)  # tests/api/test_fuzz.py fuzzes the API
    @given(requests(world, route))
    def is_handled(requested: tuple[str, str, dict[str, str], str]) -> None:
        path, query, headers, session = requested
        client = Client()
        client.cookies["sessionid"] = session
        with transaction.atomic():
            assert_handled(client.generic("GET", path, QUERY_STRING=query, headers=headers))
            transaction.set_rollback(True)

    is_handled()
