"""Cache-Control: pages are not stored, static files are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import URLResolver, get_resolver

from portal.no_store import no_store
from tests.builders import make_account, make_user
from tests.live import scenes
from tests.services import Redis

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]


def addresses(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    """Yield an address of every page, and some of the admin."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, f"{before}{pattern.pattern}")
        else:
            yield "/" + re.sub(r"<(?:\w+:)?\w+>", "1", f"{before}{pattern.pattern}")


def test_no_page_of_the_portal_may_be_stored(client: Client, redis_server: Redis) -> None:
    user = make_user(is_staff=True, is_superuser=True)
    deployment = scenes.succeeded("prod")
    every = [re.sub(r"\b1\b", str(deployment.pk), one) for one in addresses(get_resolver().url_patterns)]
    stored = []
    for address in every:
        client.force_login(user)
        response = client.get(address)
        # An API client may keep a response with an ETag, and revalidates it each time.
        needed = "private" if address.startswith("/api/") else "no-store"
        if needed not in response.headers.get("Cache-Control", ""):
            stored.append((address, response.headers.get("Cache-Control")))
        response.close()

    assert not stored


async def test_streams_and_exports_may_not_be_stored(redis_server: Redis) -> None:
    deployment = await asyncio.to_thread(scenes.succeeded, "prod")
    client = AsyncClient()
    await client.aforce_login(await asyncio.to_thread(make_user))

    for what in ("stream", "updates", "events.csv", "events.json"):
        response = await client.get(f"/deployments/{deployment.pk}/{what}")
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"], what


def test_static_files_may_be_cached(client: Client) -> None:
    response = client.get("/static/portal/frame.css")

    assert "no-store" not in response.headers["Cache-Control"]
    response.close()


def test_a_rejected_form_may_be_kept_in_the_session_history(client: Client) -> None:
    user = make_user(is_superuser=True)
    client.force_login(user)
    make_account()
    response = client.post("/environments/new", {"name": "!"})

    assert response.status_code == 422
    assert response.headers["Cache-Control"] == "no-cache, private"
    assert "Cookie" in response.headers["Vary"]


def test_the_header_of_a_view_is_kept() -> None:
    answer = no_store(lambda request: HttpResponse(headers={"Cache-Control": "max-age=60, no-transform"}))
    kept = answer(RequestFactory().get("/")).headers["Cache-Control"].split(", ")

    assert {"no-store", "private", "no-transform"} <= set(kept)
