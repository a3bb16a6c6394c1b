"""Limits on the streams of a real web process, and when the process ends a stream."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from deployments.environments.models.deployments import Deployment
from deployments.live import streams
from tests.builders import allow, disallow
from tests.flows.web import Web, environment_of_processes, start_web
from tests.live import scenes, stream_clients
from tests.live.stream_clients import address, blocks, logged_in, open_streams
from tests.live.stream_reader import Message, parse
from tests.services import LIMIT, LOOPBACK

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
SESSION, USER, PROCESS = 20, 30, 45


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    limits = {"SANSO_STREAMS_PER_USER": str(USER), "SANSO_STREAMS_PER_PROCESS": str(PROCESS)}
    server = start_web(tmp_path_factory.mktemp("web"), environment_of_processes() | limits)
    yield server
    server.stop()


@pytest.fixture
def deployment(transactional_db: None) -> Deployment:
    return scenes.make_deployment()


@pytest.fixture
def user(transactional_db: None) -> User:
    return scenes.make_user()


async def session_of_another() -> dict[str, str]:
    return await sync_to_async(logged_in)(await sync_to_async(scenes.make_user)())


def count_open(answers: list[httpx.Response]) -> tuple[int, list[httpx.Response]]:
    """Return the number of open streams, and the responses to those that were refused."""
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} <= {200, 429}
    return len(answers) - len(refused), refused


async def test_streams_of_a_session_are_limited_and_the_response_says_when_to_retry(
    web: Web, deployment: Deployment, user: User
) -> None:
    url, session = address(web, deployment, since=1), await sync_to_async(logged_in)(user)
    another = await session_of_another()
    async with open_streams(url, session, SESSION + 15) as answers, open_streams(url, another, 1) as others:
        opened, refused = count_open(answers)
        assert opened == SESSION
        assert {answer.headers["retry-after"] for answer in refused} == {"30"}
        assert await refused[0].aread() == (
            b"Too many live pages are open in this browser (limit: 20). Close some of them.\n"
        )
        assert others[0].status_code == 200
        polled = await asyncio.to_thread(httpx.get, address(web, deployment, "updates"), cookies=session)
        assert polled.json()["fresh"]["seq"] == 1


async def test_streams_of_a_user_are_limited_over_all_sessions(
    web: Web, deployment: Deployment, user: User
) -> None:
    url = address(web, deployment, since=1)
    sessions = [await sync_to_async(logged_in)(user) for _ in range(3)]
    another = await session_of_another()
    async with AsyncExitStack() as stack:
        opening = [
            await stack.enter_async_context(open_streams(url, session, SESSION)) for session in sessions
        ]
        opened, refused = count_open([answer for answers in opening for answer in answers])
        assert opened == USER
        assert b"for this user (limit: 30)" in await refused[0].aread()
        (other,) = await stack.enter_async_context(open_streams(url, another, 1))
        assert other.status_code == 200


async def test_streams_of_a_process_are_limited_and_pages_are_still_served(
    web: Web, deployment: Deployment
) -> None:
    url = address(web, deployment, since=1)
    sessions = [await session_of_another() for _ in range(PROCESS // 10)]
    async with AsyncExitStack() as stack:
        opening = [
            await stack.enter_async_context(open_streams(url, session, SESSION)) for session in sessions
        ]
        opened, refused = count_open([answer for answers in opening for answer in answers])
        assert opened == PROCESS
        assert b"on this server (limit: 45)" in await refused[-1].aread()
        nobody = await asyncio.to_thread(httpx.get, url)
        assert nobody.status_code == 429  # refused before the database is read
        page = await asyncio.to_thread(
            httpx.get, f"{web.url}/deployments/{deployment.pk}/", cookies=sessions[0], timeout=LIMIT
        )
        assert page.status_code == 200


async def test_streams_of_disconnected_clients_do_not_count(
    web: Web, deployment: Deployment, user: User
) -> None:
    url, session = address(web, deployment, since=1), await sync_to_async(logged_in)(user)
    async with open_streams(url, session, SESSION) as answers:
        assert count_open(answers)[0] == SESSION
    for _ in range(100):
        open_and_disconnect(web, deployment, session)

    async def all_open() -> bool:
        async with open_streams(url, session, SESSION) as answers:
            return count_open(answers)[0] == SESSION

    async with asyncio.timeout(LIMIT):
        while not await all_open():
            await asyncio.sleep(0.1)


def open_and_disconnect(web: Web, deployment: Deployment, session: dict[str, str]) -> None:
    """Request a stream and close the connection at once."""
    request = (
        f"GET /deployments/{deployment.pk}/stream HTTP/1.1\r\nHost: {LOOPBACK}:{web.port}\r\n"
        f"Cookie: sessionid={session['sessionid']}\r\n\r\n"
    )
    with socket.create_connection((LOOPBACK, web.port)) as connection:
        connection.sendall(request.encode())


def log_out(user: User, web: Web, session: dict[str, str]) -> None:
    stream_clients.log_out(web, session)


def change_password(user: User, web: Web, session: dict[str, str]) -> None:
    user.set_password("another horse battery staple")
    user.save()


def deactivate(user: User, web: Web, session: dict[str, str]) -> None:
    user.is_active = False
    user.save()


def delete(user: User, web: Web, session: dict[str, str]) -> None:
    user.delete()


@pytest.mark.parametrize("ending", [log_out, change_password, deactivate, delete])
async def test_a_stream_ends_when_its_user_loses_access(
    web: Web, deployment: Deployment, user: User, ending: Callable[[User, Web, dict[str, str]], None]
) -> None:
    url, session = address(web, deployment, since=1), await sync_to_async(logged_in)(user)
    another = await session_of_another()
    async with open_streams(url, session, 2) as answers, open_streams(url, another, 1) as others:
        assert {answer.status_code for answer in (*answers, *others)} == {200}
        rest = blocks(others[0])

        await asyncio.to_thread(ending, user, web, session)
        ends = await asyncio.gather(*map(last_message, answers))

        assert {(end.event, end.data["code"]) for end in ends} == {("access", streams.LOGGED_OUT)}
        async with asyncio.timeout(LIMIT):
            assert await anext(rest)  # the stream of the other user stays open
            while "event: fresh" not in await anext(rest):
                pass
    assert (await asyncio.to_thread(httpx.get, url, cookies=session)).status_code == 401


async def test_a_stream_ends_when_its_user_loses_a_permission_and_can_be_opened_again(
    web: Web, deployment: Deployment, user: User
) -> None:
    await sync_to_async(allow)(user, "add_deployment")
    url, session = address(web, deployment, since=1), await sync_to_async(logged_in)(user)
    async with open_streams(url, session, 1) as answers:
        await sync_to_async(disallow)(user, "add_deployment")
        end = await last_message(answers[0])
    assert (end.event, end.data["code"]) == ("access", streams.PERMISSIONS)
    async with open_streams(url, session, 1) as answers:
        assert answers[0].status_code == 200  # every user who is logged in may view deployments


async def last_message(answer: httpx.Response) -> Message:
    """Read a stream to its end, and return its last message."""
    last = None
    async with asyncio.timeout(LIMIT):
        async for block in blocks(answer):
            last = parse(block) or last
    assert last
    return last
