"""Streams of a real web process: access, cost, and how the process stops."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection

from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared import event_log
from tests.flows.web import Web, environment_of_processes, start_web
from tests.live import scenes
from tests.live.stream_clients import address, blocks, logged_in, open_streams
from tests.live.stream_reader import Listener, parse
from tests.mariadb import MariaDB
from tests.services import LIMIT, LOOPBACK, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def running_web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    server = start_web(tmp_path_factory.mktemp("web"), environment_of_processes())
    yield server
    server.stop()


@pytest.fixture
def web(running_web: Web) -> Web:
    if not running_web.is_running():
        running_web.start()
    return running_web


@pytest.fixture
def deployment(transactional_db: None) -> Deployment:
    return scenes.make_deployment()


@pytest.fixture
def cookies(transactional_db: None) -> dict[str, str]:
    return logged_in(scenes.make_user())


@pytest.mark.parametrize("what", ["stream", "updates"])
def test_requests_without_login_are_rejected_without_a_redirect(
    web: Web, deployment: Deployment, what: str
) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(address(web, deployment, what), timeout=LIMIT)


@pytest.mark.parametrize("what", ["stream", "updates"])
def test_a_missing_deployment_is_not_found(
    web: Web, deployment: Deployment, cookies: dict[str, str], what: str
) -> None:
    answer = httpx.get(f"{web.url}/deployments/{deployment.pk + 1}/{what}", cookies=cookies)
    assert answer.status_code == 404


async def test_the_last_event_id_takes_precedence_over_the_query(
    web: Web, deployment: Deployment, cookies: dict[str, str]
) -> None:
    await asyncio.to_thread(scenes.add_stacks, deployment, {"Network": 1})
    async with (
        httpx.AsyncClient(cookies=cookies, timeout=LIMIT) as client,
        client.stream("GET", address(web, deployment, since=0), headers={"Last-Event-ID": "2"}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["x-accel-buffering"] == "no"
        assert "no-store" in answer.headers["cache-control"]
        async for block in blocks(answer):
            message = parse(block)
            if message and message.event == "message":
                assert message.data["from"] == 2
                return


def test_polling_returns_the_same_updates_as_the_stream(
    web: Web, deployment: Deployment, cookies: dict[str, str]
) -> None:
    scenes.add_stacks(deployment, {"Network": 1})
    answer = httpx.get(address(web, deployment, "updates"), cookies=cookies).json()
    listener = Listener(seq=0)
    for_a_listener = f"id: {answer['frame']['seq']}\ndata: {json.dumps(answer['frame'])}"
    message = parse(for_a_listener)
    assert message

    listener.take(message)

    assert listener.received == scenes.event_numbers(deployment)
    assert not listener.faults
    assert answer["fresh"]["seq"] == listener.seq


async def test_a_stream_only_reports_permissions_that_its_user_never_had(
    web: Web, deployment: Deployment, cookies: dict[str, str]
) -> None:
    url = f"{address(web, deployment)}&permissions=0,1,{10**30}"
    async with (
        httpx.AsyncClient(cookies=cookies, timeout=LIMIT) as client,
        client.stream("GET", url) as answer,
    ):
        parsed = [parse(block) async for block in blocks(answer)]
    assert [(message.event, message.data) for message in parsed if message] == [
        ("access", {"code": "permissions_changed"})
    ]


@pytest.mark.skipif("sqlite" in settings.DATABASES["default"]["ENGINE"], reason="SQLite has no server to ask")
async def test_open_streams_hold_no_database_connection(
    web: Web, deployment: Deployment, cookies: dict[str, str], request: pytest.FixtureRequest
) -> None:
    mariadb_server: MariaDB = request.getfixturevalue("mariadb_server")
    url = address(web, deployment, since=1)
    others = [await asyncio.to_thread(lambda: logged_in(scenes.make_user())) for _ in range(2)]
    before = connections(mariadb_server)
    async with AsyncExitStack() as stack:
        answers = [
            answer
            for session in (cookies, *others)
            for answer in await stack.enter_async_context(open_streams(url, session, 20))
        ]
        assert {answer.status_code for answer in answers} == {200}
        await asyncio.to_thread(event_log.add, deployment, "phase", key="x", phase="stacks")
        await asyncio.gather(*(wait_for_event_in(answer, 2) for answer in answers))
        assert connections(mariadb_server) - before <= 2
    assert httpx.get(f"{web.url}/healthz").status_code == 200


async def wait_for_event_in(answer: httpx.Response, seq: int) -> None:
    async for block in blocks(answer):
        message = parse(block)
        if message and message.event == "message" and message.data["seq"] >= seq:
            return


def connections(server: MariaDB) -> int:
    return int(server.execute("SELECT COUNT(*) FROM information_schema.PROCESSLIST"))


async def test_the_process_stops_with_open_streams(
    deployment: Deployment, cookies: dict[str, str], tmp_path: Path
) -> None:
    own = await asyncio.to_thread(start_web, tmp_path, environment_of_processes(), graceful=LIMIT)
    async with open_streams(address(own, deployment, since=1), cookies, 20):
        assert await asyncio.to_thread(own.stopped_at_once)


def test_the_process_stops_while_its_first_stream_is_being_opened(
    deployment: Deployment, cookies: dict[str, str], mariadb_server: MariaDB, tmp_path: Path
) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite cannot lock a table")
    own = start_web(tmp_path, environment_of_processes(), graceful=LIMIT)
    waiting = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE state LIKE 'Waiting for table%lock'"
    with connection.cursor() as cursor, ThreadPoolExecutor(2) as pool:
        cursor.execute("LOCK TABLES django_session WRITE")  # the stream's user cannot be read
        try:
            opening = pool.submit(
                httpx.get, address(own, deployment, since=1), cookies=cookies, timeout=LIMIT
            )
            wait_until(lambda: int(mariadb_server.execute(waiting)) > 0, what="the request of the stream")
            stopped = pool.submit(own.stopped_at_once)
            wait_until(lambda: not accepts(own), what="the signal to stop")
        finally:
            cursor.execute("UNLOCK TABLES")
        assert stopped.result(timeout=2 * LIMIT)
        assert opening.result().status_code == 200


def accepts(web: Web) -> bool:
    """Return whether the process accepts connections."""
    try:
        socket.create_connection((LOOPBACK, web.port), timeout=LIMIT).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_stream_is_closed_after_its_client_disconnected(
    web: Web, deployment: Deployment, cookies: dict[str, str]
) -> None:
    """The channel then no longer polls the database, so a thread of the process ends."""
    with httpx.stream("GET", address(web, deployment, since=1), cookies=cookies) as answer:
        messages = answer.iter_raw()  # dropping the iterator would close the connection
        assert next(messages)
        threads = threads_of(web)
    wait_until(lambda: threads_of(web) < threads)


def threads_of(web: Web) -> int:
    assert web.process
    status = Path(f"/proc/{web.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:"))
