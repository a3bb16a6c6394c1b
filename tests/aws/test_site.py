"""Site checks: what is reported of a write and a read, and that only a load balancer is ever called."""

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

from deployments.aws import site as site_module
from deployments.aws import site_address
from deployments.aws.site import READS, SiteCheckResult, SiteReadsResult, check_reads, check_site
from deployments.aws.site_address import Site, is_allowed, site_of
from deployments.core.redaction import Redactor, Values
from tests.datelog.test_tls import make_certificate
from tests.services import LIMIT, LOOPBACK, free_port
from tests.wordings import text_of

SAVED = "2026-11-25 03:39:34"
ALB = "sanso-web-123456.ap-northeast-1.elb.amazonaws.com"

Route = Callable[["Server"], None]


class Server(BaseHTTPRequestHandler):
    """A site with a reply for each path; it records the requests."""

    routes: dict[str, Route]
    requests: list[tuple[str, str, str]]

    def _answer(self) -> None:
        self.requests.append((self.command, self.path, self.headers["Host"]))
        self.routes[self.path.partition("?")[0]](self)

    do_GET = do_POST = _answer

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing."""

    def reply(self, text: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


def reply_saved(server: Server) -> None:
    server.reply(f"Saved: {SAVED}")


def reply_list(server: Server) -> None:
    server.reply(json.dumps(["2026-11-25 03:39:35", SAVED]))


class Running:
    """A server on loopback, and the name that it would have in the sandbox."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.routes: dict[str, Route] = {"/write": reply_saved, "/read": reply_list}
        self.requests: list[tuple[str, str, str]] = []
        self.handler = type("Chosen", (Server,), {"routes": self.routes, "requests": self.requests})
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

    def check(self, **site: object) -> SiteCheckResult:
        return check_site(Site(dns_name=self.name, loopback=True, **site))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(LIMIT)


@pytest.fixture
def server() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def problem_text(answer: SiteCheckResult) -> str:
    return text_of(answer.problem)


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


# --- only load balancers are called ---------------------------------------------------------------
def fail_on_lookup(name: str, port: int) -> list[str]:
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
    answer = check_site(Site(dns_name=name), resolve=fail_on_lookup)
    assert "is not a load balancer name" in problem_text(answer)


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
    assert "cannot be resolved (Name or service not known)" in problem_text(answer)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.5"],
        ["0.0.0.0"],  # must be rejected
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
def test_a_name_that_resolves_to_anything_but_a_load_balancer_is_not_called(addresses: list[str]) -> None:
    answer = check_site(Site(dns_name=ALB), resolve=lambda _name, _port: addresses)
    assert "which cannot be a load balancer" in problem_text(answer)
    assert answer.write_status == 0


def test_private_addresses_are_allowed_for_internal_load_balancers_only() -> None:
    for address in ("10.1.2.3", "172.16.0.9", "192.168.1.1"):
        assert is_allowed(address, internal=True)
        assert not is_allowed(address, internal=False)
    for address in ("127.0.0.1", "169.254.169.254", "0.0.0.0", "240.0.0.1", "::1"):
        assert not is_allowed(address, internal=True)
    assert is_allowed("52.1.2.3", internal=False)
    assert is_allowed("2600:1f18::1", internal=False)


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second lookup could return another address."""
    connected: list[object] = []

    def connect(place: tuple[str, int], timeout: float) -> None:
        connected.append(place)
        raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    answers = iter([["52.1.2.3", "52.1.2.4"], ["127.0.0.1"]])

    answer = check_site(Site(dns_name=ALB, secure=True), resolve=lambda _name, _port: next(answers))

    assert connected == [("52.1.2.3", 443)]
    assert problem_text(answer) == "The load balancer does not accept connections on port 443 (refused)."


def test_a_hanging_lookup_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_address, "RESOLVE_SECONDS", 0.2)
    hanging = threading.Event()

    def resolve(_name: str, _port: int) -> list[str]:
        hanging.wait(LIMIT)
        return []

    answer = check_site(Site(dns_name=ALB), resolve=resolve)
    hanging.set()

    assert "cannot be resolved (not within 0.2 s)" in problem_text(answer)


@pytest.mark.parametrize(
    "name", ["10.0.0.1", "localhost:80", "127.0.0.999", "127.0.0.1:99999", ALB, "128.0.0.1"]
)
def test_in_the_sandbox_only_loopback_is_called(name: str) -> None:
    answer = check_site(Site(dns_name=name, loopback=True), resolve=fail_on_lookup)
    assert problem_text(answer) == "The load balancers of this sandbox have no servers."


def test_loopback_is_called_in_the_sandbox_only(server: Running) -> None:
    answer = check_site(Site(dns_name=server.name), resolve=fail_on_lookup)
    assert not answer.wrote
    assert server.requests == []


def test_an_output_decides_how_a_site_is_called_but_not_where() -> None:
    site = site_of(ALB, "https://169.254.169.254:9/latest/meta-data", loopback=False)
    assert site == Site(dns_name=ALB, secure=True, host_name="169.254.169.254")
    assert site_of(ALB, f"http://{ALB}/", loopback=False) == Site(dns_name=ALB)
    assert site_of(ALB, "https://[bad", loopback=False) == Site(dns_name=ALB)
    assert site_of("127.200.1.2:8080", "http://127.200.1.2:8080/", loopback=True).host_name == ""


def test_a_load_balancer_without_a_dns_name_is_not_called() -> None:
    assert problem_text(check_site(Site(dns_name=""))) == "The load balancer has no DNS name yet."


def reads(server: Running, **site: object) -> SiteReadsResult:
    return check_reads(Site(dns_name=server.name, loopback=True, **site))  # type: ignore[arg-type]


def test_reads_save_nothing_and_take_one_row_each(server: Running) -> None:
    found = reads(server)

    assert (found.total, len(found.milliseconds), found.reached, found.problem) == (READS, READS, True, None)
    assert server.requests == [("GET", "/read?limit=1", server.name)] * READS


def test_a_server_that_fails_every_other_read_fails_half_of_them(server: Running) -> None:
    numbers = iter(range(READS))
    server.routes["/read"] = lambda request: request.reply("[]", 504 if next(numbers) % 2 else 200)

    found = reads(server)

    assert (len(found.milliseconds), found.reached) == (READS // 2, True)
    assert text_of(found.problem) == "/read returns 504: []"


def test_a_server_that_hangs_fails_the_reads_that_it_gets(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site_module, "READ_SECONDS", 0.5)
    released, numbers = threading.Event(), iter(range(READS))

    def hang(requested: Server) -> None:
        if next(numbers) == 0:
            released.wait(LIMIT)
        else:
            requested.reply("[]")

    server.routes["/read"] = hang
    try:
        found = reads(server)
    finally:
        released.set()

    assert (len(found.milliseconds), found.reached) == (READS - 1, True)
    assert text_of(found.problem).startswith("No response from /read")


def test_a_list_that_is_cut_off_is_a_list(server: Running) -> None:
    """The original application returns every saved time."""
    server.routes["/read"] = lambda request: request.reply(json.dumps([SAVED] * 10_000))

    assert len(reads(server).milliseconds) == READS


def test_a_page_of_something_else_is_not_a_list(server: Running) -> None:
    server.routes["/read"] = lambda request: request.reply("<h1>It works!</h1>")

    found = reads(server)

    assert (found.milliseconds, found.reached) == ((), True)
    assert text_of(found.problem) == "/read returned an unexpected response: It works!"


def test_a_load_balancer_that_accepts_no_connection_is_not_reached() -> None:
    found = check_reads(Site(dns_name=f"{LOOPBACK}:{free_port()}", loopback=True))

    assert (found.milliseconds, found.reached) == ((), False)
    assert "does not accept connections" in text_of(found.problem)


def test_no_read_is_sent_to_a_name_that_is_no_load_balancers() -> None:
    found = check_reads(
        Site(dns_name="intranet.example"), resolve=lambda _name, _port: pytest.fail("resolved")
    )

    assert not found.reached
    assert text_of(found.problem) == "intranet.example is not a load balancer name. No request was sent."


def test_an_error_page_shows_no_secret_value(server: Running) -> None:
    server.routes["/read"] = lambda request: request.reply("cannot log in with hunter2-secret", 500)

    found = reads(server, redact=Redactor([Values(["hunter2-secret"])]))

    assert "hunter2" not in text_of(found.problem)
