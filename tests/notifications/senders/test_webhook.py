"""Webhooks reach only allowed addresses, over verified TLS, once, and in limited time."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.notifications.rules.topics import Reception
from deployments.notifications.senders.outcome import Outcome
from deployments.notifications.senders.webhook import post, read_url
from sandbox_tests import loopback_only
from tests.receiver import Receiver, receiving
from tests.template_sets.sources.test_tls import certificate

LOOPBACK = ("127.0.0.0/8",)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver for one test."""
    with receiving() as found:
        yield found


def send(url: str, networks: tuple[str, ...] = LOOPBACK, limit: float = 20.0) -> Outcome:
    return post(read_url(url), b"{}", {"webhook-id": "msg_1"}, networks, limit)


def code_of(outcome: Outcome) -> Code | None:
    return outcome.problem.code if outcome.problem else None


def test_a_webhook_is_posted_with_its_headers_and_its_whole_address(receiver: Receiver) -> None:
    outcome = send(receiver.url)

    assert (outcome.reception, outcome.status, outcome.problem) == (Reception.SENT, 200, None)
    (got,) = receiver.requests
    assert (got.path, got.body, got.id) == ("/hook?key=t0ken", b"{}", "msg_1")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize(
    ("status", "reception", "code"),
    [
        (204, Reception.SENT, None),
        (302, Reception.AGAIN, Code.NOTIFY_STATUS),
        (404, Reception.AGAIN, Code.NOTIFY_STATUS),
        (410, Reception.GONE, Code.NOTIFY_GONE),
        (500, Reception.AGAIN, Code.NOTIFY_STATUS),
    ],
)
def test_the_status_decides_and_redirects_are_not_followed(
    receiver: Receiver, status: int, reception: Reception, code: Code | None
) -> None:
    receiver.status = status
    receiver.answer = {"Location": receiver.url}

    outcome = send(receiver.url)

    assert (outcome.reception, outcome.status, code_of(outcome)) == (reception, status, code)
    assert len(receiver.requests) == 1


def test_the_retry_time_of_the_receiver_is_reported(receiver: Receiver) -> None:
    receiver.status, receiver.answer = 429, {"Retry-After": "90"}
    assert send(receiver.url).retry_after == 90.0


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"),
        *("10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "[fd00:ec2::254]", "[fe80::1]"),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "224.0.0.1"),
        *("[::127.0.0.1]", "[::10.0.0.1]", "[fec0::1]", "[64:ff9b:1::7f00:1]", "[3fff::1]"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_addresses_that_are_not_public_are_refused_without_a_connection(
    receiver: Receiver, scheme: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket, "getaddrinfo", loopback_only._getaddrinfo
    )  # an address, so that no name is resolved
    outcome = send(f"{scheme}://{host}:{receiver.port}/", networks=())

    assert outcome.reception is Reception.AGAIN
    expected = Code.NOTIFY_HTTP_NOT_ALLOWED if scheme == "http" else Code.NOTIFY_ADDRESS_NOT_ALLOWED
    assert code_of(outcome) == expected
    assert receiver.requests == []


def test_the_address_that_a_name_resolves_to_is_in_the_log_only(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = send(f"https://localhost:{receiver.port}/", networks=())

    assert outcome.problem is not None
    assert outcome.problem.params == {"host": "localhost"}
    text = "localhost has an address that is not public. SANSO_NOTIFY_ADDRESSES can allow it."
    assert message_text(outcome.problem) == text
    assert "host=localhost address=127.0.0.1" in caplog.text.replace("address=::1", "address=127.0.0.1")


def test_a_port_without_a_receiver_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert code_of(send(f"http://127.0.0.1:{port}/")) == Code.SOURCE_UNREACHABLE


def test_a_receiver_that_responds_byte_by_byte_is_cut_off() -> None:
    stopping = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not stopping.wait(0.05):
                try:
                    connection.sendall(b"X-More: 1\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        try:
            outcome = send(f"http://127.0.0.1:{server.getsockname()[1]}/", limit=0.5)
        finally:
            stopping.set()
            thread.join()

    assert (outcome.reception, code_of(outcome)) == (Reception.AGAIN, Code.NOTIFY_TIMED_OUT)


def test_the_certificate_is_verified_for_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = certificate(tmp_path, x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with receiving(context) as receiver:
        url = receiver.url.replace("http:", "https:")
        assert code_of(send(url)) == Code.SOURCE_TLS_FAILED
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert code_of(send(url.replace("127.0.0.1", "localhost"))) == Code.SOURCE_TLS_FAILED
        assert receiver.requests == []
        assert send(url).reception is Reception.SENT


@given(text=st.text() | st.text().map(lambda rest: f"https://{rest}"))
def test_any_text_is_accepted_as_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(UserFixable):
        url = read_url(text)
        assert url.host
        assert url.path.startswith("/")


@pytest.mark.parametrize(
    "text",
    [
        *("", "hooks.example.com", "ftp://example.com/", "https://", "https:///x", "file:///etc/passwd"),
        *("https://user:secret@example.com/", "https://example.com:99999/", "https://exa mple.com/"),
        *("https://example.com/\r\nX: y", "https://exämple.com/", "javascript:alert(1)"),
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(UserFixable):
        read_url(text)


def test_the_hint_has_no_token() -> None:
    assert read_url("https://hooks.example.com/services/T0/s3cret?x=1").hint == "https://hooks.example.com"
    assert read_url("http://[::1]:8080/x").hint == "http://[::1]:8080"
