"""Calls are repeated and streams are opened again after what may succeed the next time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sanso_cli.client import RECONNECT_FOR, RETRIES, ApiError, PortalClient
from sanso_cli.connection import problem_with

pytestmark = pytest.mark.core
URL = "https://sanso.example.com"
EVENT = 'id: {0}\nevent: event\ndata: {{"seq": {0}}}\n\n'
END = "event: end\ndata: {}\n\n"
MAY_SUCCEED = (
    socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
    ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol"),
    ssl.SSLZeroReturnError(ssl.SSL_ERROR_ZERO_RETURN, "TLS/SSL connection has been closed (EOF)"),
)
LASTS = (
    socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
    ssl.SSLError(ssl.SSL_ERROR_SSL, "wrong version number"),
)


class Clock:
    """A clock that only sleeping moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Answers:
    """A portal that gives these answers, the last one again and again."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.left = list(answers)
        self.requests: list[httpx.Request] = []
        self.api = PortalClient(URL, "sanso_secret")
        self.api.http = httpx.Client(base_url=f"{URL}/api/v1", transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the next answer, or raise it."""
        self.requests.append(request)
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    def events(self) -> Iterator[int]:
        """Yield the numbers of the events of a stream."""
        for message in self.api.stream("/deployments/1/stream"):
            if message.event == "event":
                yield message.data["seq"]


def failed_by(cause: OSError) -> httpx.ConnectError:
    """Return the error of a connection that failed by this, as httpx raises it."""
    found = httpx.ConnectError(str(cause))
    found.__cause__ = cause
    return found


def refused(status: int) -> httpx.Response:
    return httpx.Response(status, json={"code": "Refused", "detail": "Refused by the portal."})


def stream(*events: int, end: str = "") -> httpx.Response:
    return httpx.Response(200, text="".join(map(EVENT.format, events)) + end)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("sanso_cli.client.time", found)
    return found


@pytest.mark.parametrize("cause", MAY_SUCCEED, ids=repr)
def test_a_call_is_repeated_after_what_may_succeed(cause: OSError) -> None:
    portal = Answers(*[failed_by(cause)] * RETRIES, httpx.Response(200, json={"id": 1}))

    assert portal.api.get("/me") == {"id": 1}


@pytest.mark.parametrize("cause", MAY_SUCCEED, ids=repr)
def test_a_stream_is_opened_after_what_may_succeed(cause: OSError) -> None:
    portal = Answers(failed_by(cause), failed_by(cause), stream(1, end=END))

    assert list(portal.events()) == [1]


@pytest.mark.parametrize("cause", LASTS, ids=repr)
def test_what_cannot_succeed_ends_a_call_and_a_stream_at_once(cause: OSError) -> None:
    portal = Answers(failed_by(cause))

    with pytest.raises(ApiError, match="Check the URL"):
        portal.api.get("/me")
    with pytest.raises(ApiError, match="Check the URL"):
        list(portal.events())

    assert len(portal.requests) == 2


def test_a_stream_that_was_open_is_opened_again_whatever_the_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    losses = map(failed_by, (*MAY_SUCCEED, *LASTS))
    by_proxies = (httpx.Response(404, text="<html>"), httpx.Response(301, headers={"Location": "/"}))
    answers: list[httpx.Response | Exception] = [*losses, refused(500), refused(503), *by_proxies]
    portal = Answers(stream(1, 2), *answers, stream(2, 3, end=END))

    assert list(portal.events()) == [1, 2, 3]

    assert {request.headers["Last-Event-ID"] for request in portal.requests[1:]} == {"2"}
    assert capsys.readouterr().err.count("Retrying …") == 1


def test_a_stream_that_had_no_message_yet_was_open_as_well() -> None:
    portal = Answers(stream(), failed_by(LASTS[0]), stream(1, end=END))

    assert list(portal.events()) == [1]


def test_a_stream_is_not_opened_again_for_longer_than_ten_minutes(clock: Clock) -> None:
    portal = Answers(stream(1), failed_by(LASTS[0]))

    with pytest.raises(ApiError, match="cannot be resolved"):
        list(portal.events())

    assert RECONNECT_FOR < clock.now < RECONNECT_FOR + 10


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_by_the_portal_ends_a_stream_that_was_open(status: int) -> None:
    portal = Answers(stream(1), refused(status))

    with pytest.raises(ApiError, match="Refused by the portal") as raised:
        list(portal.events())

    assert (raised.value.status, len(portal.requests)) == (status, 2)


def test_an_error_before_a_stream_was_open_ends_it() -> None:
    portal = Answers(refused(500))

    with pytest.raises(ApiError, match="Refused by the portal"):
        list(portal.events())

    assert len(portal.requests) == 1


def test_an_error_of_tls_without_a_reason_is_described() -> None:
    text, _may_succeed = problem_with(URL, failed_by(ssl.SSLError(ssl.SSL_ERROR_SSL, "broken")))

    assert "broken" in text
    assert "None" not in text


def test_a_server_that_closes_the_connection_in_the_handshake_may_succeed_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_close_in_handshake, args=(server,), daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(httpx.ConnectError) as raised:
            httpx.get(url)

    text, may_succeed = problem_with(url, raised.value)

    assert may_succeed
    assert f"No connection to {url}" in text


def _close_in_handshake(server: socket.socket) -> None:
    connection, _address = server.accept()
    with connection:
        connection.recv(65536)  # what is left unread would reset the connection


def test_certificates_that_cannot_be_read_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))

    with pytest.raises(ApiError) as caught:
        PortalClient("https://sanso.example.com", "sanso_" + "a" * 43)

    assert str(tmp_path / "missing.pem") in caught.value.detail
    assert "Set SSL_CERT_FILE to a file of certificates" in caught.value.detail


def test_a_port_where_nothing_listens_is_soon_told(clock: Clock, closed_port: int) -> None:
    api = PortalClient(f"http://127.0.0.1:{closed_port}", "sanso_token")

    with pytest.raises(ApiError, match="Check the URL"):
        api.get("/me")

    assert clock.now <= 3
    api.has_responded = True  # the portal restarts: it is waited for
    with pytest.raises(ApiError):
        api.get("/me")
    assert clock.now > 20


def test_too_many_requests_are_waited_for_and_that_is_said(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    portal = Answers(busy, httpx.Response(200, json={"id": 1}))

    assert portal.api.get("/me") == {"id": 1}

    assert clock.now == 7
    assert "Too many requests. Waiting 7 s …" in capsys.readouterr().err
