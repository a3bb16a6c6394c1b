"""Open event streams of a real web process, for any user and in any number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from django.contrib.auth.models import User
from django.test import Client

from deployments.environments.models.deployments import Deployment
from tests.flows.web import Web, Wire
from tests.services import LIMIT


def logged_in(user: User) -> dict[str, str]:
    """Return the cookies of a new session of the user."""
    client = Client()
    client.force_login(user)
    return {"sessionid": client.cookies["sessionid"].value}


def log_out(web: Web, session: dict[str, str]) -> None:
    """Log out as the button on a page does."""
    with httpx.Client(base_url=web.url, cookies=session, timeout=LIMIT) as client:
        client.get("/environments/")  # sets the CSRF cookie
        token = {"csrfmiddlewaretoken": client.cookies["csrftoken"]}
        assert client.post("/logout/", data=token).status_code == 302


def address(web: Web | Wire, deployment: Deployment, what: str = "stream", since: int = 0) -> str:
    return f"{web.url}/deployments/{deployment.pk}/{what}?since={since}"


@asynccontextmanager
async def open_streams(url: str, cookies: dict[str, str], count: int) -> AsyncIterator[list[httpx.Response]]:
    """Open this number of streams, and wait for the first bytes of each."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(cookies=cookies, timeout=LIMIT, limits=limits) as client:
        requests = [client.build_request("GET", url) for _ in range(count)]
        yield await asyncio.gather(*(client.send(request, stream=True) for request in requests))


async def blocks(answer: httpx.Response) -> AsyncIterator[str]:
    """Yield the blocks of an event stream."""
    kept = ""
    async for text in answer.aiter_text():
        kept += text
        *whole, kept = kept.split("\n\n")
        for block in whole:
            yield block
