"""The script of the web servers' association makes a web server, as often as it is run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.web_server import Family, WebServer, web_server
from tests.services import LOOPBACK, Service, find_program, wait_until

APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    scheme = environ.get("HTTP_X_FORWARDED_PROTO", "none")
    return [f"{environ['PATH_INFO']} for {environ['REMOTE_ADDR']} by {scheme}".encode()]
"""


@pytest.fixture(params=["debian", "redhat"])
def host(request: pytest.FixtureRequest) -> Iterator[WebServer]:
    """A host of each family of distributions, without a web server."""
    family: Family = request.param
    with web_server(family) as server:
        yield server


@pytest.fixture
def debian() -> Iterator[WebServer]:
    """A Debian host without a web server."""
    with web_server("debian") as server:
        yield server


def start_backend(host: WebServer, folder: Path) -> Service:
    """Start uWSGI where the internal load balancer would be."""
    (folder / "app.py").write_text(APPLICATION)
    address = f"{LOOPBACK}:{host.backend_port}"
    backend = Service(
        command=[
            *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", "--socket", address),
            *("--wsgi-file", str(folder / "app.py"), "--die-on-term", "--need-app"),
        ],
        folder=folder,
        port=host.backend_port,
        answers=lambda: host.get("/")[0] == 200,
    )
    backend.start()
    return backend


def test_a_host_becomes_a_web_server(host: WebServer) -> None:
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


def test_a_second_run_changes_nothing_and_disturbs_nobody(host: WebServer) -> None:
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


def test_another_internal_load_balancer_is_taken_up_by_a_reload(host: WebServer) -> None:
    host.configure()
    host.calls()
    host.backend_port += 1

    assert host.configure().returncode == 0

    assert [c for c in host.calls() if c.startswith("systemctl re")]
    assert f"uwsgi://{LOOPBACK}:{host.backend_port}/" in host.conf.read_text()


def test_a_configuration_that_apache_refuses_is_taken_back(host: WebServer) -> None:
    host.configure()
    before = host.conf.read_bytes()
    host.calls()
    host.environment_name = "times\nNoSuchDirective"

    done = host.configure()

    assert done.returncode == 1
    assert "put back" in done.stderr
    assert host.conf.read_bytes() == before
    assert "reload" not in "".join(host.calls())
    assert host.get("/healthz")[0] == 200


def test_requests_are_passed_on_with_the_client_that_the_load_balancer_saw(
    debian: WebServer, tmp_path: Path
) -> None:
    debian.configure()
    backend = start_backend(debian, tmp_path)
    try:
        answer = debian.get("/read", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
    finally:
        backend.stop()

    assert answer == (200, "/read for 203.0.113.9 by https")
    assert debian.access_log[-1].startswith("203.0.113.9 - - [")
    assert '"GET /read HTTP/1.1" 200' in debian.access_log[-1]


def test_a_client_cannot_pass_itself_off_as_another(debian: WebServer, tmp_path: Path) -> None:
    """The load balancer appends the address it saw; what the client wrote before that is not believed."""
    debian.configure()
    backend = start_backend(debian, tmp_path)
    try:
        _, text = debian.get("/", X_Forwarded_For="198.51.100.1, 203.0.113.9")
    finally:
        backend.stop()

    assert "for 203.0.113.9 " in text


def test_health_is_answered_without_the_application_and_not_logged(debian: WebServer) -> None:
    debian.configure()

    assert debian.get("/healthz")[0] == 200
    assert debian.get("/read")[0] == 503
    assert [line for line in debian.access_log if "/healthz" in line] == []


def test_the_first_request_after_the_application_came_back_is_served(
    debian: WebServer, tmp_path: Path
) -> None:
    """Apache would else answer 503 for a minute: retry=0."""
    debian.configure()
    assert debian.get("/read")[0] == 503

    backend = start_backend(debian, tmp_path)
    try:
        assert debian.get("/read")[0] == 200
    finally:
        backend.stop()


def test_apache_says_little_about_itself(debian: WebServer) -> None:
    debian.configure()
    curl = [find_program("curl"), "-sS", "-o", "-", "-i", "-X", "TRACE", f"http://{LOOPBACK}:{debian.port}/"]
    wait_until(lambda: debian.get("/healthz")[0] == 200)

    answer = subprocess.run(curl, capture_output=True, text=True, check=True).stdout

    assert answer.startswith("HTTP/1.1 405")
    assert "Server: Apache\n" in answer.replace("\r", "")
