"""Site checks: the report of a write and a read, and the limits of a response."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from deployments.aws import site as site_module
from deployments.aws.site import check_site
from deployments.aws.site_address import Site
from deployments.common.rules.redaction import Redactor, Values
from tests.aws.site_server import SAVED, Running, Server, problem_text
from tests.datelog.test_tls import make_certificate
from tests.services import LIMIT, LOOPBACK


def test_a_site_check_writes_a_time_and_finds_it_in_the_list(server: Running) -> None:
    answer = server.check()

    assert (answer.wrote, answer.read, answer.problem) == (True, True, None)
    assert (answer.write_status, answer.read_status, answer.saved) == (200, 200, SAVED)
    assert answer.address == LOOPBACK
    assert 0 <= answer.write_milliseconds + answer.read_milliseconds <= answer.milliseconds + 2
    assert server.requests == [
        ("POST", "/write", server.name),
        ("GET", "/read?limit=50&after=2026-11-25T03:39:34~0", server.name),
    ]


def test_a_reader_may_lag_for_a_moment(server: Running) -> None:
    answers = iter([[], [], [SAVED]])
    server.routes["/read"] = lambda request: request.reply(json.dumps(next(answers)))

    assert server.check().read


def test_a_time_that_never_appears_in_the_list_is_reported(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "SEEN_SECONDS", 0.3)
    server.routes["/read"] = lambda request: request.reply("[]")

    answer = server.check()

    assert (answer.wrote, answer.read, answer.read_status) == (True, False, 200)
    assert "the list did not show it" in problem_text(answer)


def test_an_error_page_is_reported_with_its_status_and_text(server: Running) -> None:
    page = "<html><head><title>503</title></head><body><h1>Service\n Unavailable</h1></body></html>"
    server.routes["/write"] = lambda request: request.reply(page, 503)

    answer = server.check()

    assert (answer.wrote, answer.write_status, answer.read_status) == (False, 503, 0)
    assert problem_text(answer) == "/write returns 503: 503 Service Unavailable"
    assert [path for _, path, _ in server.requests] == ["/write"]


def test_the_report_of_an_error_page_contains_no_secret_value(server: Running) -> None:
    redact = Redactor([Values(["it's  hunter22"])])
    page = "<body>no login with <b>it&#x27;s  hunter22</b>" + "x" * 300
    server.routes["/write"] = lambda request: request.reply(page, 500)
    assert problem_text(server.check(redact=redact)).startswith("/write returns 500: no login with **** xxx")

    server.routes["/write"] = lambda request: request.reply(
        "", 301, Location="http://shop/?p=it's%20%20hunter22"
    )
    assert "redirects to http://shop/?p=****." in problem_text(server.check(redact=redact))


@pytest.mark.parametrize("path", ["/write", "/read"])
def test_the_response_of_another_application_is_reported(server: Running, path: str) -> None:
    server.routes[path] = lambda request: request.reply('{"hello": "world"}')
    assert problem_text(server.check()) == f'{path} returned an unexpected response: {{"hello": "world"}}'


def test_a_redirect_is_reported_and_not_followed(server: Running) -> None:
    elsewhere = Running()
    server.routes["/write"] = lambda request: request.reply(
        "", 301, Location=f"http://{elsewhere.name}/write"
    )

    answer = server.check()

    assert answer.write_status == 301
    assert "Sanso does not follow" in problem_text(answer)
    assert elsewhere.requests == []
    elsewhere.stop()


def test_a_refused_connection_is_reported(closed_port: int) -> None:
    answer = check_site(Site(dns_name=f"{LOOPBACK}:{closed_port}", loopback=True))
    assert problem_text(answer).startswith("The load balancer does not accept connections on port")


def test_a_response_that_trickles_in_is_cut_off(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "RESPONSE_SECONDS", 0.5)
    disconnected = threading.Event()

    def trickle(request: Server) -> None:
        try:
            while True:
                request.wfile.write(b"H")
                request.wfile.flush()
                time.sleep(0.05)
        except OSError:
            disconnected.set()

    server.routes["/write"] = trickle

    answer = server.check()

    assert problem_text(answer).startswith("No response from /write")
    assert disconnected.wait(LIMIT)


def test_a_response_without_end_is_read_up_to_the_limit(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "RESPONSE_SECONDS", LIMIT)
    disconnected = threading.Event()

    def send_without_end(request: Server) -> None:
        request.reply(f"Saved: {SAVED} ")
        try:
            while True:
                request.wfile.write(b"x" * 65_536)
        except OSError:
            disconnected.set()

    server.routes["/write"] = send_without_end

    assert server.check().wrote
    assert disconnected.wait(LIMIT)


def test_a_response_that_is_not_http_counts_as_none(server: Running) -> None:
    def reply_garbage(request: Server) -> None:
        request.wfile.write(b"\x00\x01\x02 not HTTP\r\n\r\n")

    server.routes["/write"] = reply_garbage
    assert problem_text(server.check()).startswith("No response from /write")


def test_a_certificate_for_another_name_is_accepted(tmp_path: Path) -> None:
    secure = Running(make_certificate(tmp_path, "192.0.2.1"))

    answer = secure.check(secure=True, host_name="datelog.example.com")

    assert answer.read
    assert {host for _, _, host in secure.requests} == {"datelog.example.com"}
    secure.stop()


def test_a_host_name_that_would_break_the_request_is_not_sent(server: Running) -> None:
    assert server.check(host_name="evil\r\nX-Header: 1").read
    assert {host for _, _, host in server.requests} == {server.name}
