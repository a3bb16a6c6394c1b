"""Effects on an app server of packets of uWSGI's own protocol that Apache never sends."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.datelog import uwsgi_packets
from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer
from tests.services import LOOPBACK, wait_until

LOADING = {
    "file": [("UWSGI_FILE", "{code}")],
    "file at another script": [("UWSGI_FILE", "{code}"), ("SCRIPT_NAME", "/other")],
    "file twice": [("UWSGI_FILE", ""), ("UWSGI_FILE", "{code}")],
    "script": [("UWSGI_SCRIPT", "loaded"), ("UWSGI_CHDIR", "{folder}")],
    "module": [("UWSGI_MODULE", "loaded"), ("UWSGI_CALLABLE", "application"), ("UWSGI_HOME", "{folder}")],
    "home": [("UWSGI_PYHOME", "{folder}"), ("UWSGI_FILE", "{code}")],
    "reload": [("UWSGI_TOUCH_RELOAD", "{code}"), ("UWSGI_FILE", "{code}")],
    "command": [("UWSGI_FILE", "exec://touch {mark}")],
    "text": [("UWSGI_FILE", "data://open('{mark}', 'w')")],
    "address": [("UWSGI_FILE", "http://127.0.0.1:1/code.py")],
    "body from a file": [("UWSGI_POSTFILE", "{code}")],
}
MODIFIERS = {
    "psgi": 5,
    "spooler": 17,
    "symcall": 18,
    "eval": 22,
    "ping": 100,
    "signal": 110,
    "cache": 111,
    "rpc": 173,
    "reload": 98,
    "subscription": 224,
    "response": 255,
}


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("variables", LOADING.values(), ids=LOADING)
def test_a_packet_that_names_code_loads_nothing_and_is_served_by_datelog(
    app: AppServer, tmp_path: Path, variables: list[tuple[str, str]], number: int
) -> None:
    """Each number is a separate application id, since a worker loads each application only once."""
    mark, code = tmp_path / "mark", tmp_path / "loaded.py"
    code.write_text(f"open({str(mark)!r}, 'w')\ndef application(environ, start_response): raise SystemExit\n")
    app.wait_for_workers()
    before = app.workers()
    values = {"code": code, "folder": tmp_path, "mark": mark}
    filled = [(name, value.format(**values)) for name, value in variables]

    answer = uwsgi_packets.request(app.uwsgi_port, ("UWSGI_APPID", f"{tmp_path}{number}"), *filled)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nok\n")
    assert not mark.exists()
    assert app.workers() == before


@pytest.mark.parametrize("modifier1", MODIFIERS.values(), ids=MODIFIERS)
def test_a_packet_for_another_handler_is_served_as_an_ordinary_request(
    app: AppServer, modifier1: int
) -> None:
    answer = uwsgi_packets.request(app.uwsgi_port, modifier1=modifier1, modifier2=5)

    assert answer.endswith(b"\r\n\r\nok\n")


@pytest.mark.parametrize(
    ("modifier1", "body"),
    [
        (22, b"open('/tmp/mark', 'w')"),
        (173, uwsgi_packets.block([])),
        (110, b""),
        (17, b"\x01\x00a\x01\x00b"),
    ],
    ids=["eval", "rpc", "signal", "spooler"],
)
def test_an_invalid_packet_is_dropped(app: AppServer, modifier1: int, body: bytes) -> None:
    before = app.workers()

    answer = uwsgi_packets.send(app.uwsgi_port, body, modifier1=modifier1)

    assert b"200 OK" not in answer
    assert app.workers() == before
    assert app.get("/healthz").text == "ok\n"


# Returns the value of a variable in the process and in Python's os.environ.
PROBE = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{libc.getenv(b'MARK')} {os.environ.get('MARK')}".encode()]
"""


def test_a_packet_can_set_an_environment_variable_of_the_process_but_not_of_python(
    start_app: StartAppServer, tmp_path: Path
) -> None:
    """uWSGI has no option against this, which is a reason why new environments use HTTP between the tiers."""
    (tmp_path / "probe.py").write_text(PROBE)
    app = start_app({}, "--module", "probe", "--processes", "1", code=tmp_path)

    answer = uwsgi_packets.request(app.uwsgi_port, ("UWSGI_SETENV", "MARK=set"))

    assert answer.endswith(b"b'set' None")


def test_the_http_port_accepts_no_such_packet(app: AppServer) -> None:
    before = app.workers()
    with socket.create_connection((LOOPBACK, app.port), timeout=30) as connection:
        body = uwsgi_packets.block(
            [*uwsgi_packets.REQUEST, ("UWSGI_FILE", "/tmp/code.py"), ("SCRIPT_NAME", "/x")]
        )
        connection.sendall(b"\x00" + len(body).to_bytes(2, "little") + b"\x00" + body)
        connection.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in connection.recv(65536)
    wait_until(lambda: app.get("/healthz", UWSGI_FILE="/tmp/code.py").text == "ok\n", what="an answer")
    assert app.workers() == before
