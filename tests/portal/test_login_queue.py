"""The login queue in front of Django: the number of concurrent password checks, and their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from portal.login import devices, queue
from portal.login.queue import Line, LoginQueue
from tests.builders import make_user
from tests.services import LIMIT

pytestmark = pytest.mark.core
FORM = {"username": "ana", "password": "wrong"}


class StandInForDjango:
    """An application in Django's place, whose responses wait until they are released."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        if scope["method"] == "POST":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def django(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> StandInForDjango:
    monkeypatch.setattr(queue, "MAX_WAIT", 3600.0)  # a slow machine must not cause rejections
    settings.SANSO_LOGINS_AT_ONCE = 2
    return StandInForDjango()


@pytest.fixture
async def client(django: StandInForDjango) -> Any:
    transport = httpx.ASGITransport(LoginQueue(django))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


async def until(condition: Any) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.01)


def statuses(answers: Iterable[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def test_concurrent_logins_are_limited_and_all_get_their_turn(
    client: httpx.AsyncClient, django: StandInForDjango
) -> None:
    sent = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(10)]
    await until(lambda: len(django.bodies) == 2)
    assert (await client.get("/environments/")).status_code == 200  # not queued
    assert (await client.get("/login/")).status_code == 200
    assert django.bodies.count(b"username=ana&password=wrong") == 2
    django.go.set()

    assert statuses(await asyncio.gather(*sent)) == [200] * 10


async def test_a_full_queue_rejects_at_once(client: httpx.AsyncClient, django: StandInForDjango) -> None:
    sent = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(2 + queue.WAITING)]
    await until(lambda: len(django.bodies) == 2)

    answer = await client.post("/login/", data=FORM, headers={"Accept-Language": "ja"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert 'lang="ja"' in answer.text
    django.go.set()
    assert set(statuses(await asyncio.gather(*sent))) == {200}


async def test_a_login_that_waits_too_long_is_rejected_and_leaves_the_queue(django: StandInForDjango) -> None:
    line = Line(1, waiting=1, max_wait=0.05)
    assert await line.enter()
    assert not await line.enter()
    assert not await line.enter()  # a timeout again, not a full queue: the previous one has left
    line.leave()

    assert await line.enter()


async def test_a_canceled_login_leaves_the_queue() -> None:
    line = Line(1, waiting=1, max_wait=3600)
    assert await line.enter()
    waiting = asyncio.create_task(line.enter())
    await asyncio.sleep(0)
    assert not await line.enter()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    line.leave()

    assert await line.enter()


@pytest.mark.django_db(transaction=True)
async def test_known_browsers_have_a_queue_of_their_own(
    client: httpx.AsyncClient, django: StandInForDjango
) -> None:
    user = await asyncio.to_thread(make_user, "ana")
    strangers = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(10)]
    await until(lambda: len(django.bodies) == 2)

    answer = HttpResponse()
    devices.remember(answer, RequestFactory().get("/login/"), user)
    name, cookie = next(iter(answer.cookies.items()))
    known = asyncio.create_task(
        client.post("/login/", data={"username": "known"}, headers={"Cookie": f"{name}={cookie.value}"})
    )
    forged = asyncio.create_task(
        client.post("/login/", data={"username": "forged"}, headers={"Cookie": f"{name}x={cookie.value}"})
    )
    await until(lambda: len(django.bodies) == 3)
    assert django.bodies[-1] == b"username=known"
    django.go.set()
    await asyncio.gather(*strangers, known, forged)


async def test_a_slowly_sent_form_does_not_occupy_the_queue(django: StandInForDjango) -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    application = LoginQueue(django)
    slow = [asyncio.create_task(application(scope(), never, None)) for _ in range(5)]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://testserver"
    ) as client:
        quick = asyncio.create_task(client.post("/login/", data=FORM))
        await until(lambda: django.bodies)
        django.go.set()
        assert (await quick).status_code == 200
    for task in slow:
        task.cancel()


async def test_a_form_that_is_too_large_is_not_read_to_its_end(
    client: httpx.AsyncClient, django: StandInForDjango
) -> None:
    read = []

    async def endless() -> Any:
        while True:
            read.append(1)
            assert len(read) < 100
            yield b"x" * 1024

    answer = await client.post("/login/", content=endless())

    assert answer.status_code == 413
    assert not django.bodies


async def test_an_invalid_address_is_left_to_django(django: StandInForDjango) -> None:
    django.go.set()
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await LoginQueue(django)(scope() | {"query_string": b"next=\xff"}, receive, send)

    assert sent[0]["status"] == 200


async def test_a_portal_below_another_path_has_the_queue_too(django: StandInForDjango) -> None:
    application = LoginQueue(django)
    transport = httpx.ASGITransport(application, root_path="/sanso")
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        sent = [asyncio.create_task(client.post("/sanso/login/", data=FORM)) for _ in range(3)]
        await until(lambda: len(django.bodies) == 2)
        django.go.set()
        assert statuses(await asyncio.gather(*sent)) == [200] * 3


async def test_a_client_that_disconnects_while_sending_costs_nothing(django: StandInForDjango) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await LoginQueue(django)(scope(), gone, None)

    assert not django.bodies


def scope() -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/login/", "headers": [], "query_string": b""}
