"""How few passwords are checked at once, and who waits for whom: the queue before Django."""

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


class Django:
    """An application in Django's place: its answers wait until they are let go."""

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
def inside(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Django:
    monkeypatch.setattr(queue, "PATIENCE", 3600.0)  # nobody is sent away because the machine is slow
    settings.SANSO_LOGINS_AT_ONCE = 2
    return Django()


@pytest.fixture
async def client(inside: Django) -> Any:
    transport = httpx.ASGITransport(LoginQueue(inside))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client


async def until(condition: Any) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.01)


def statuses(answers: Iterable[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


async def test_no_more_than_the_set_number_are_inside_and_all_get_their_turn(
    client: httpx.AsyncClient, inside: Django
) -> None:
    sent = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(10)]
    await until(lambda: len(inside.bodies) == 2)
    assert (await client.get("/environments/")).status_code == 200  # passes by
    assert (await client.get("/login/")).status_code == 200
    assert inside.bodies.count(b"username=ana&password=wrong") == 2
    inside.go.set()

    assert statuses(await asyncio.gather(*sent)) == [200] * 10


async def test_a_line_that_is_full_sends_away_at_once(client: httpx.AsyncClient, inside: Django) -> None:
    sent = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(2 + queue.WAITING)]
    await until(lambda: len(inside.bodies) == 2)

    answer = await client.post("/login/", data=FORM, headers={"Accept-Language": "ja"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert 'lang="ja"' in answer.text
    inside.go.set()
    assert set(statuses(await asyncio.gather(*sent))) == {200}


async def test_who_waits_too_long_is_sent_away_and_leaves_the_line(inside: Django) -> None:
    line = Line(1, waiting=1, patience=0.05)
    assert await line.enter()
    assert not await line.enter()
    assert not await line.enter()  # not for a full line: the one before has left it
    line.leave()

    assert await line.enter()


async def test_who_goes_away_while_waiting_leaves_the_line() -> None:
    line = Line(1, waiting=1, patience=3600)
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
async def test_strangers_do_not_keep_known_browsers_waiting(
    client: httpx.AsyncClient, inside: Django
) -> None:
    user = await asyncio.to_thread(make_user, "ana")
    strangers = [asyncio.create_task(client.post("/login/", data=FORM)) for _ in range(10)]
    await until(lambda: len(inside.bodies) == 2)

    answer = HttpResponse()
    devices.remember(answer, RequestFactory().get("/login/"), user)
    name, cookie = next(iter(answer.cookies.items()))
    known = asyncio.create_task(
        client.post("/login/", data={"username": "known"}, headers={"Cookie": f"{name}={cookie.value}"})
    )
    forged = asyncio.create_task(
        client.post("/login/", data={"username": "forged"}, headers={"Cookie": f"{name}x={cookie.value}"})
    )
    await until(lambda: len(inside.bodies) == 3)
    assert inside.bodies[-1] == b"username=known"
    inside.go.set()
    await asyncio.gather(*strangers, known, forged)


async def test_a_form_that_is_sent_slowly_holds_no_place(inside: Django) -> None:
    async def never() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    application = LoginQueue(inside)
    slow = [asyncio.create_task(application(scope(), never, None)) for _ in range(5)]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application), base_url="http://testserver"
    ) as client:
        quick = asyncio.create_task(client.post("/login/", data=FORM))
        await until(lambda: inside.bodies)
        inside.go.set()
        assert (await quick).status_code == 200
    for task in slow:
        task.cancel()


async def test_a_form_that_is_too_large_is_not_read_to_its_end(
    client: httpx.AsyncClient, inside: Django
) -> None:
    read = []

    async def endless() -> Any:
        while True:
            read.append(1)
            assert len(read) < 100
            yield b"x" * 1024

    answer = await client.post("/login/", content=endless())

    assert answer.status_code == 413
    assert not inside.bodies


async def test_an_address_that_nobody_can_read_is_left_to_django(inside: Django) -> None:
    inside.go.set()
    sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await LoginQueue(inside)(scope() | {"query_string": b"next=\xff"}, receive, send)

    assert sent[0]["status"] == 200


async def test_a_portal_below_another_path_has_its_queue_too(inside: Django) -> None:
    application = LoginQueue(inside)
    transport = httpx.ASGITransport(application, root_path="/sanso")
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        sent = [asyncio.create_task(client.post("/sanso/login/", data=FORM)) for _ in range(3)]
        await until(lambda: len(inside.bodies) == 2)
        inside.go.set()
        assert statuses(await asyncio.gather(*sent)) == [200] * 3


async def test_who_leaves_while_sending_costs_nothing(inside: Django) -> None:
    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    await LoginQueue(inside)(scope(), gone, None)

    assert not inside.bodies


def scope() -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/login/", "headers": [], "query_string": b""}
