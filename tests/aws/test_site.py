"""A write and a read through the load balancer: what is told of them, and that nobody else is ever asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployments.aws import site as asking
from deployments.aws import site_address
from deployments.aws.site import SiteCheckResult, check_site
from deployments.aws.site_address import Site, is_allowed, site_of
from deployments.core.redaction import Redactor, Values
from tests.datelog.test_tls import make_certificate
from tests.services import LIMIT, LOOPBACK, free_port
from tests.wordings import text_of

SAVED = "2026-11-25 03:39:34"
ALB = "sanso-web-123456.ap-northeast-1.elb.amazonaws.com"

Route = Callable[["Server"], None]


class Server(BaseHTTPRequestHandler):
    """A site whose answers a test chooses; it remembers what it was asked."""

    routes: dict[str, Route]
    asked: list[tuple[str, str, str]]

    def _answer(self) -> None:
        self.asked.append((self.command, self.path, self.headers["Host"]))
        self.routes[self.path.partition("?")[0]](self)

    do_GET = do_POST = _answer

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""

    def reply(self, text: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


def saves(server: Server) -> None:
    server.reply(f"Saved: {SAVED}")


def lists(server: Server) -> None:
    server.reply(json.dumps(["2026-11-25 03:39:35", SAVED]))


class Running:
    """A server on loopback, and the name by which the sandbox would call it."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.routes: dict[str, Route] = {"/write": saves, "/read": lists}
        self.asked: list[tuple[str, str, str]] = []
        self.handler = type("Chosen", (Server,), {"routes": self.routes, "asked": self.asked})
        self.http = ThreadingHTTPServer((LOOPBACK, 0), self.handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def name(self) -> str:
        return f"{LOOPBACK}:{self.http.server_port}"

    def ask(self, **site: object) -> SiteCheckResult:
        return check_site(Site(dns_name=self.name, sandbox=True, **site))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(LIMIT)


@pytest.fixture
def server() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def said(answer: SiteCheckResult) -> str:
    return text_of(answer.problem)


def test_a_time_is_saved_and_found_in_the_list(server: Running) -> None:
    answer = server.ask()

    assert (answer.wrote, answer.read, answer.problem) == (True, True, None)
    assert (answer.write_status, answer.read_status, answer.saved) == (200, 200, SAVED)
    assert answer.address == LOOPBACK
    assert 0 <= answer.write_milliseconds + answer.read_milliseconds <= answer.milliseconds + 2
    assert server.asked == [
        ("POST", "/write", server.name),
        ("GET", "/read?limit=50&after=2026-11-25T03:39:34~0", server.name),
    ]


def test_a_reader_may_lag_for_a_moment(server: Running) -> None:
    answers = iter([[], [], [SAVED]])
    server.routes["/read"] = lambda asked: asked.reply(json.dumps(next(answers)))

    assert server.ask().read


def test_a_time_that_never_shows_is_told(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SEEN_SECONDS", 0.3)
    server.routes["/read"] = lambda asked: asked.reply("[]")

    answer = server.ask()

    assert (answer.wrote, answer.read, answer.read_status) == (True, False, 200)
    assert "the list did not show it" in said(answer)


def test_an_error_page_is_told_by_its_status_and_text(server: Running) -> None:
    page = "<html><head><title>503</title></head><body><h1>Service\n Unavailable</h1></body></html>"
    server.routes["/write"] = lambda asked: asked.reply(page, 503)

    answer = server.ask()

    assert (answer.wrote, answer.write_status, answer.read_status) == (False, 503, 0)
    assert said(answer) == "/write returns 503: 503 Service Unavailable"
    assert [path for _, path, _ in server.asked] == ["/write"]


def test_an_error_page_is_repeated_without_secret_values(server: Running) -> None:
    redact = Redactor([Values(["it's  hunter22"])])
    page = "<body>no login with <b>it&#x27;s  hunter22</b>" + "x" * 300
    server.routes["/write"] = lambda asked: asked.reply(page, 500)
    assert said(server.ask(redact=redact)).startswith("/write returns 500: no login with **** xxx")

    server.routes["/write"] = lambda asked: asked.reply("", 301, Location="http://shop/?p=it's%20%20hunter22")
    assert "redirects to http://shop/?p=****." in said(server.ask(redact=redact))


@pytest.mark.parametrize("path", ["/write", "/read"])
def test_another_application_is_told_from_datelog(server: Running, path: str) -> None:
    server.routes[path] = lambda asked: asked.reply('{"hello": "world"}')
    assert said(server.ask()) == f'{path} returned an unexpected response: {{"hello": "world"}}'


def test_a_redirect_is_told_and_not_followed(server: Running) -> None:
    elsewhere = Running()
    server.routes["/write"] = lambda asked: asked.reply("", 301, Location=f"http://{elsewhere.name}/write")

    answer = server.ask()

    assert answer.write_status == 301
    assert "Sanso does not follow" in said(answer)
    assert elsewhere.asked == []
    elsewhere.stop()


def test_a_load_balancer_that_is_not_there_is_told() -> None:
    answer = check_site(Site(dns_name=f"{LOOPBACK}:{free_port()}", sandbox=True))
    assert said(answer).startswith("The load balancer does not accept connections on port")


def test_an_answer_that_trickles_in_is_cut_off(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "RESPONSE_SECONDS", 0.5)
    ended = threading.Event()

    def trickle(asked: Server) -> None:
        try:
            while True:
                asked.wfile.write(b"H")
                asked.wfile.flush()
                time.sleep(0.05)
        except OSError:
            ended.set()

    server.routes["/write"] = trickle

    answer = server.ask()

    assert said(answer).startswith("No response from /write")
    assert ended.wait(LIMIT)


def test_no_more_than_the_start_of_an_answer_is_read(server: Running) -> None:
    server.routes["/write"] = lambda asked: asked.reply(f"Saved: {SAVED} " + "x" * 10_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "MAX_BYTES", 1024)
        assert server.ask().wrote


def test_rubbish_is_not_an_answer(server: Running) -> None:
    def rubbish(asked: Server) -> None:
        asked.wfile.write(b"\x00\x01\x02 not HTTP\r\n\r\n")

    server.routes["/write"] = rubbish
    assert said(server.ask()).startswith("No response from /write")


def test_a_certificate_for_another_name_is_no_hindrance(tmp_path: Path) -> None:
    secure = Running(make_certificate(tmp_path, "192.0.2.1"))

    answer = secure.ask(secure=True, host_name="datelog.example.com")

    assert answer.read
    assert {host for _, _, host in secure.asked} == {"datelog.example.com"}
    secure.stop()


def test_a_name_that_would_break_the_request_is_not_asked_for(server: Running) -> None:
    assert server.ask(host_name="evil\r\nX-Header: 1").read
    assert {host for _, _, host in server.asked} == {server.name}


# --- nobody else is asked ------------------------------------------------------------------------
def refuse(name: str, port: int) -> list[str]:
    raise AssertionError(f"{name} must not even be looked up")


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "example.com",
        "elb.amazonaws.com.example.com",
        f"{ALB}.example.com",
        f"{ALB}:6379",
        f"user@{ALB}",
        f"{ALB}/path",
        f"{ALB}\n",
        f"evil.example.{ALB}",
        "bucket.s3.amazonaws.com",
    ],
)
def test_only_names_of_load_balancers_are_looked_up(name: str) -> None:
    answer = check_site(Site(dns_name=name), resolve=refuse)
    assert "is not a load balancer name" in said(answer)


@pytest.mark.parametrize(
    "name",
    [
        ALB,
        f"{ALB}.",
        ALB.upper(),
        f"internal-{ALB}",
        "sanso-app-0123456789abcdef.elb.ap-northeast-1.amazonaws.com",
        "sanso-web-1.cn-north-1.elb.amazonaws.com.cn",
    ],
)
def test_names_of_load_balancers_are_looked_up(name: str) -> None:
    looked_up: list[str] = []

    def resolve(wanted: str, port: int) -> list[str]:
        looked_up.append(wanted)
        raise OSError("Name or service not known")

    answer = check_site(Site(dns_name=name), resolve=resolve)

    assert looked_up == [name.lower().rstrip(".")]
    assert "cannot be resolved (Name or service not known)" in said(answer)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.5"],
        ["0.0.0.0"],  # to be refused
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:203.0.113.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fe80::1"],
        ["fd00:ec2::254"],
        ["224.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["not an address"],
    ],
    ids=lambda addresses: " ".join(addresses),
)
def test_a_name_that_leads_to_anything_but_a_load_balancer_is_not_asked(addresses: list[str]) -> None:
    answer = check_site(Site(dns_name=ALB), resolve=lambda _name, _port: addresses)
    assert "which cannot be a load balancer" in said(answer)
    assert answer.write_status == 0


def test_private_addresses_are_for_internal_load_balancers_only() -> None:
    for address in ("10.1.2.3", "172.16.0.9", "192.168.1.1"):
        assert is_allowed(address, internal=True)
        assert not is_allowed(address, internal=False)
    for address in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "240.0.0.1", "::1"):
        assert not is_allowed(address, internal=True)
    assert is_allowed("52.1.2.3", internal=False)
    assert is_allowed("2600:1f18::1", internal=False)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is looked up again could lead elsewhere by then."""
    connected: list[object] = []

    def connect(place: tuple[str, int], timeout: float) -> None:
        connected.append(place)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answers = iter([["52.1.2.3", "52.1.2.4"], ["127.0.0.1"]])

    answer = check_site(Site(dns_name=ALB, secure=True), resolve=lambda _name, _port: next(answers))

    assert connected == [("52.1.2.3", 443)]
    assert said(answer) == "The load balancer does not accept connections on port 443 (refused)."


def test_a_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_address, "RESOLVE_SECONDS", 0.2)
    hanging = threading.Event()

    def resolve(_name: str, _port: int) -> list[str]:
        hanging.wait(LIMIT)
        return []

    answer = check_site(Site(dns_name=ALB), resolve=resolve)
    hanging.set()

    assert "cannot be resolved (not within 0.2 s)" in said(answer)


@pytest.mark.parametrize(
    "name", ["10.0.0.1", "localhost:80", "127.0.0.999", "127.0.0.1:99999", ALB, "128.0.0.1"]
)
def test_in_the_sandbox_only_loopback_is_asked(name: str) -> None:
    answer = check_site(Site(dns_name=name, sandbox=True), resolve=refuse)
    assert said(answer) == "The load balancers of this sandbox have no servers."


def test_loopback_is_for_the_sandbox_only(server: Running) -> None:
    answer = check_site(Site(dns_name=server.name), resolve=refuse)
    assert not answer.wrote
    assert server.asked == []


def test_an_output_decides_how_is_asked_never_where() -> None:
    site = site_of(ALB, "https://169.254.169.254:9/latest/meta-data", sandbox=False)
    assert site == Site(dns_name=ALB, secure=True, host_name="169.254.169.254")
    assert site_of(ALB, f"http://{ALB}/", sandbox=False) == Site(dns_name=ALB)
    assert site_of(ALB, "https://[bad", sandbox=False) == Site(dns_name=ALB)
    assert site_of("127.200.1.2:8080", "http://127.200.1.2:8080/", sandbox=True).host_name == ""


def test_a_load_balancer_without_a_name_is_not_asked() -> None:
    assert said(check_site(Site(dns_name=""))) == "The load balancer has no DNS name yet."
