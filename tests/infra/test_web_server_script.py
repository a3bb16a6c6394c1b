"""The script of the web servers' association sets up a web server, and is idempotent."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.web_server import Family, Protocol, WebServer, web_server
from tests.services import LOOPBACK, REPOSITORY, Service, find_program, wait_until

# Returns the request, and records it.
APPLICATION = """
import json, pathlib
requests = pathlib.Path(__file__).with_name("requests")
NAMES = ("REQUEST_METHOD", "PATH_INFO", "CONTENT_LENGTH", "HTTP_HOST", "HTTP_X_FORWARDED_FOR",
         "HTTP_X_FORWARDED_PROTO")
def application(environ, start_response):
    large = [len(value) for name, value in environ.items() if name.startswith("HTTP_X_LARGE")]
    answer = json.dumps({name: environ.get(name, "") for name in NAMES} | {"large": large}).encode()
    if environ["PATH_INFO"] != "/up":
        with requests.open("ab") as file:
            file.write(answer + b"\\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
"""


PROTOCOLS: tuple[Protocol, ...] = ("http", "uwsgi")


@pytest.fixture(params=[(family, protocol) for family in ("debian", "redhat") for protocol in PROTOCOLS])
def host(request: pytest.FixtureRequest) -> Iterator[WebServer]:
    """A host without a web server, for each family of distributions and each protocol."""
    family: Family
    protocol: Protocol
    family, protocol = request.param
    with web_server(family, protocol) as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
def debian(request: pytest.FixtureRequest) -> Iterator[WebServer]:
    """A Debian host without a web server, for each protocol."""
    with web_server("debian", request.param) as server:
        yield server


class Application(Service):
    """uWSGI with the playbook's settings, at the address of the internal load balancer."""

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests that the application received, oldest first."""
        found = self.folder / "requests"
        return [json.loads(line) for line in found.read_text().splitlines()] if found.exists() else []

    def forget(self) -> None:
        """Forget the recorded requests."""
        (self.folder / "requests").unlink(missing_ok=True)


@contextlib.contextmanager
def application(host: WebServer) -> Iterator[Application]:
    """Start uWSGI with an application that returns and records its requests."""
    folder = host.folder / "app"
    folder.mkdir()
    (folder / "echo.py").write_text(APPLICATION)
    backend = Application(
        command=[
            *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()"),
            *("--ini", str(REPOSITORY / "playbook/files/uwsgi.ini"), "--pythonpath", str(folder)),
            *("--module", "echo", "--socket", f"{LOOPBACK}:{host.backend_port}"),
        ],
        folder=folder,
        port=host.backend_port,
        environment={"DATELOG_PROTOCOL": host.protocol, "RUNTIME_DIRECTORY": str(folder)},
        answers=lambda: host.get("/up")[0] == 200,
    )
    backend.start()
    try:
        yield backend
    finally:
        backend.kill()


@pytest.fixture(scope="module", params=PROTOCOLS)
def tiers(request: pytest.FixtureRequest) -> Iterator[tuple[WebServer, Application]]:
    """A web server and its application, for each protocol."""
    with web_server("debian", request.param) as server:
        assert server.configure().returncode == 0
        with application(server) as app:
            yield server, app


@pytest.fixture
def web(tiers: tuple[WebServer, Application]) -> WebServer:
    return tiers[0]


@pytest.fixture
def app(tiers: tuple[WebServer, Application]) -> Application:
    """The application behind `web`, without recorded requests."""
    tiers[1].forget()
    return tiers[1]


def test_the_script_sets_up_a_web_server(host: WebServer) -> None:
    done = host.configure()

    assert done.returncode == 0, done.stderr
    assert host.get("/healthz") == (200, "ok\n")
    calls = host.calls()
    service = {"debian": "apache2", "redhat": "httpd"}[host.family]
    assert f"systemctl enable {service}" in calls
    assert f"systemctl start {service}" in calls
    assert any(
        f"install {'--no-install-recommends ' * (host.family == 'debian')}{service}" in c for c in calls
    )


@pytest.mark.parametrize("failures", [3, 99])
def test_a_flaky_download_is_tried_four_times(host: WebServer, failures: int) -> None:
    host.fail_downloads(failures)

    done = host.configure()

    assert (done.returncode == 0) == (failures == 3), done.stderr
    assert [call for call in host.calls() if call.startswith("sleep")] == ["sleep 5", "sleep 15", "sleep 45"]


def test_a_second_run_changes_nothing_and_reloads_nothing(host: WebServer) -> None:
    host.configure()
    host.calls()
    before = host.conf.read_bytes()

    done = host.configure()

    assert done.returncode == 0, done.stderr
    assert host.conf.read_bytes() == before
    calls = "\n".join(host.calls())
    assert "install" not in calls
    assert "systemctl start" not in calls
    assert "systemctl reload" not in calls


def test_another_internal_load_balancer_is_applied_by_a_reload(host: WebServer) -> None:
    host.configure()
    host.calls()
    host.backend_port += 1

    assert host.configure().returncode == 0

    assert [c for c in host.calls() if c.startswith("systemctl re")]
    assert f"{host.protocol}://{LOOPBACK}:{host.backend_port}/" in host.conf.read_text()


def test_a_configuration_that_apache_rejects_is_rolled_back(host: WebServer) -> None:
    host.configure()
    before = host.conf.read_bytes()
    host.calls()
    host.environment_name = "times\nNoSuchDirective"

    done = host.configure()

    assert done.returncode == 1
    assert "The previous one is restored." in done.stderr
    assert host.conf.read_bytes() == before
    assert "reload" not in "".join(host.calls())
    assert host.get("/healthz")[0] == 200


def test_requests_are_passed_on_with_the_client_host_and_scheme_that_the_load_balancer_saw(
    web: WebServer, app: Application
) -> None:
    headers = {"Host": "times.example", "X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}
    status, text = web.get("/read?of=test", **headers)

    assert (status, json.loads(text)) == (
        200,
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/read",
            "CONTENT_LENGTH": "",
            "HTTP_HOST": "times.example",
            "HTTP_X_FORWARDED_FOR": "203.0.113.9",
            "HTTP_X_FORWARDED_PROTO": "https",
            "large": [],
        },
    )
    wait_until(lambda: "of=test" in str(web.access_log), what="the line in Apache's log")
    (line,) = [line for line in web.access_log if "of=test" in line]
    assert line.startswith("203.0.113.9 - - [")
    assert '"GET /read?of=test HTTP/1.1" 200' in line


def test_a_client_cannot_spoof_its_address(web: WebServer, app: Application) -> None:
    """The load balancer appends the address of the client; addresses before it are not trusted."""
    _, text = web.get("/read?of=another", X_Forwarded_For="198.51.100.1, 203.0.113.9")

    assert json.loads(text)["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    wait_until(lambda: "of=another" in app.log.read_text(), what="the line in uWSGI's log")
    (line,) = [line for line in app.log.read_text().splitlines() if "GET /read?of=another" in line]
    assert "] 203.0.113.9 () {" in line


def test_header_names_with_underscores_are_dropped(web: WebServer, app: Application) -> None:
    """uWSGI treats an underscore as a hyphen."""
    names = ["X_Forwarded_For", "X-Forwarded_For", "x_forwarded-for", "Content_Length"]
    names += ["X_Forwarded_Proto", "X-Forwarded_Proto", "x_forwarded-proto"]
    headers = "".join(f"{name}: 7\r\n" for name in names)

    web.send(f"GET /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n".encode())

    (seen,) = app.requests()
    assert seen["HTTP_X_FORWARDED_FOR"] == LOOPBACK
    assert (seen["HTTP_X_FORWARDED_PROTO"], seen["CONTENT_LENGTH"]) == ("", "")


def test_headers_of_30_kb_reach_the_application(web: WebServer, app: Application) -> None:
    headers = {f"X_Large_{number}": "x" * 7_500 for number in range(4)}

    assert web.get("/read", **headers)[0] == 200

    assert app.requests()[0]["large"] == [7_500] * 4


def post(body: bytes, *headers: str) -> bytes:
    """Return a POST request to /write that closes its connection."""
    lines = ("POST /write HTTP/1.1", "Host: x", "Connection: close", *headers)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def test_an_unread_body_loses_no_response(web: WebServer, app: Application) -> None:
    answers = [web.send(post(b"b" * 65_536, "Content-Length: 65536")) for _ in range(20)]

    assert {status(answer) for answer in answers} == {200}
    assert len(app.requests()) == 20


@pytest.mark.parametrize("length", [65_537, 10**12, 10**30])
def test_a_body_above_the_limit_is_rejected_before_it_reaches_the_application(
    web: WebServer, app: Application, length: int
) -> None:
    answer = web.send(post(b"", f"Content-Length: {length}"))

    assert status(answer) in (400, 413)
    assert app.requests() == []


def test_a_chunked_body_is_rejected(web: WebServer, app: Application) -> None:
    """uWSGI cannot read it, and its size is unknown. RFC 9112, section 6.3 allows requiring a length."""
    answer = web.send(post(b"4\r\nbody\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))

    assert status(answer) == 411
    assert app.requests() == []


def test_a_client_that_waits_for_100_continue_is_answered(web: WebServer, app: Application) -> None:
    """curl waits for that response before it sends larger bodies; uWSGI never sends it."""
    answer = web.send(post(b"b" * 2000, "Content-Length: 2000", "Expect: 100-continue"))

    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 40"),
        ("Content-Length: 4", "Content_Length: 40"),
        ("Content-Length: 40", "Content_Length: 4"),
        ("Content-Length: 4", "Transfer-Encoding: xchunked"),
        ("Content-Length: 4", "Transfer-Encoding : chunked"),
        ("Content-Length: 4", "Transfer_Encoding: chunked"),
        ("Content-Length: +4",),
    ],
    ids=", ".join,
)
def test_no_request_is_smuggled_in_the_body_of_another(
    web: WebServer, app: Application, headers: tuple[str, ...]
) -> None:
    """Apache and uWSGI may disagree on the end of the body; the rest must not become a request."""
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

    with contextlib.suppress(ConnectionResetError):
        web.send(post(b"0\r\n\r\n" + smuggled, *headers))
    assert web.get("/read")[0] == 200

    assert [seen["PATH_INFO"] for seen in app.requests()] in (["/write", "/read"], ["/read"])


class ClosingServer:
    """A server that reads requests and closes the connection without a response."""

    def __init__(self, port: int) -> None:
        self.requests: list[bytes] = []
        self._socket = socket.create_server((LOOPBACK, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._socket.accept()
                with connection:
                    self.requests.append(connection.recv(65536))

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def test_a_request_is_never_sent_twice(debian: WebServer) -> None:
    """/write would save the time twice."""
    debian.configure()
    server = ClosingServer(debian.backend_port)
    try:
        # With uWSGI's protocol, Apache does not distinguish a closed connection from a timeout.
        assert debian.get("/write")[0] == {"http": 502, "uwsgi": 504}[debian.protocol]
        debian.get("/read")
    finally:
        server.stop()

    assert [b"/write" in request for request in server.requests] == [True, False]


def test_an_app_server_that_hangs_gets_each_request_once_and_clients_get_504(
    web: WebServer, app: Application
) -> None:
    with app.frozen():
        read = b"GET /read HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answers = [web.send(post(b"")), web.send(read)]

    assert [status(answer) for answer in answers] == [504, 504]
    assert all(answer.endswith(b"look at the list before you try again.\n") for answer in answers)
    assert web.get("/read?after")[0] == 200
    wait_until(lambda: len(app.requests()) == 3, what="the requests from the time that it hung")
    assert sorted(seen["PATH_INFO"] for seen in app.requests()) == ["/read", "/read", "/write"]


def test_clients_cannot_request_the_response_to_a_timeout(web: WebServer) -> None:
    assert web.get("/timeout1")[0] == 404


def test_health_checks_need_no_application_and_are_not_logged(debian: WebServer) -> None:
    debian.configure()

    assert debian.get("/healthz")[0] == 200
    assert debian.get("/read")[0] == 503
    assert [line for line in debian.access_log if "/healthz" in line] == []


def test_the_first_request_after_an_outage_is_served(debian: WebServer) -> None:
    """Without retry=0 Apache would return 503 for a minute."""
    debian.configure()
    assert debian.get("/read")[0] == 503

    with application(debian):
        assert debian.get("/read")[0] == 200


def test_apache_hides_its_version_and_disables_trace(debian: WebServer) -> None:
    debian.configure()
    curl = [find_program("curl"), "-sS", "-o", "-", "-i", "-X", "TRACE", f"http://{LOOPBACK}:{debian.port}/"]
    wait_until(lambda: debian.get("/healthz")[0] == 200)

    answer = subprocess.run(curl, capture_output=True, text=True, check=True).stdout

    assert answer.startswith("HTTP/1.1 405")
    assert "Server: Apache\n" in answer.replace("\r", "")
