"""Event streams and exports return a readable response for any address, header and cursor."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.hostile import header_texts, numbers, texts
from tests.fuzz.profile import fuzzed
from tests.fuzz.routes import Route, queries, routes
from tests.fuzz.rows_and_users import KNOWN, assert_handled, session_of
from tests.live import scenes
from tests.services import LIMIT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]
MOST = 6
"""Number of parts to read of a response, since a stream has no end."""


class StreamTarget:
    """Deployments, and session ids of viewers."""

    def __init__(self) -> None:
        keys = [scene().pk for scene in (scenes.running, scenes.rolled_back)]
        self.places: dict[str, st.SearchStrategy[Any]] = {
            "pk": st.sampled_from(keys),
            "kind": st.sampled_from(["csv", "json"]),
        }
        self.sessions = [session_of(scenes.make_user()), ""]


@pytest.fixture
def place(transactional_db: None) -> StreamTarget:
    return StreamTarget()


cursors = numbers | texts | st.sampled_from(("0", "3", "99"))


@pytest.mark.parametrize("route", [route for route in routes() if route.is_async], ids=str)
def test_any_request(place: StreamTarget, route: Route) -> None:
    @fuzzed(40)
    @given(
        route.paths(place.places),
        queries(st.sampled_from(KNOWN))
        | cursors.map("since={}".format)
        | st.lists(cursors).map(lambda ids: f"permissions={quote(','.join(ids))}"),
        st.fixed_dictionaries({}, optional={"Last-Event-ID": header_texts | cursors.filter(str.isascii)}),
        st.sampled_from(place.sessions),
    )
    def is_handled(path: str, query: str, headers: dict[str, str], session: str) -> None:
        async_to_sync(read)(path, query, headers, session)

    is_handled()


async def read(path: str, query: str, headers: dict[str, str], session: str) -> None:
    """Send a request and read the beginning of its response."""
    client = AsyncClient()
    client.cookies["sessionid"] = session
    answer: Any = await client.generic("GET", path, QUERY_STRING=query, headers=headers)
    assert_handled(answer)
    if not answer.streaming:
        return
    async with asyncio.timeout(LIMIT), aclosing(aiter(answer)) as parts:
        async for number, part in numbered(parts):
            assert isinstance(part, bytes)
            if number >= MOST or b"event: fresh" in part:
                return


async def numbered(parts: Any) -> Any:
    number = 0
    async for part in parts:
        number += 1
        yield number, part
