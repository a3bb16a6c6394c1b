"""X-Datelog-Version: the release that serves, on every response and on the page."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from datelog.version import compute_version, read_version
from tests.datelog.conftest import StartAppServer
from tests.datelog.original import list_body
from tests.datelog.servers import AppServer
from tests.services import LIMIT, LOOPBACK, REPOSITORY

CODE = REPOSITORY / "datelog"
HEADER = "X-Datelog-Version"


def release(folder: Path, change: str = "") -> Path:
    """Copy datelog into a release folder, with a change to one file."""
    shutil.copytree(CODE, folder / "datelog", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "datelog/home.py").open("a") as home:
        home.write(change)
    return folder


def playbooks_version(source: Path) -> str:
    """Run the playbook's command that computes the version."""
    tasks = yaml.safe_load((REPOSITORY / "playbook/tasks/release.yml").read_text())
    command = tasks[0]["vars"]["datelog_digest"].replace("{{ datelog_source | quote }}", f"'{source}'")
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/read", 200),
        ("HEAD", "/read", 200),
        ("GET", "/write", 200),
        ("GET", "/view", 200),
        ("POST", "/view", 303),
        ("GET", "/healthz", 200),
        ("GET", "/favicon.ico", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/write", 405),
        ("GET", "/read?limit=0", 400),
    ],
)
def test_every_response_names_the_version(app: AppServer, method: str, path: str, status: int) -> None:
    answer = app.request(method, path)
    assert (answer.status, answer.headers[HEADER]) == (status, compute_version(CODE))


def test_a_response_without_the_database_names_the_version(start_app: StartAppServer) -> None:
    app = start_app({"DB_READ_ENDPOINT_ADDRESS": "127.0.0.1:1", "DB_WRITE_ENDPOINT_ADDRESS": "127.0.0.1:1"})
    for path in ("/read", "/write", "/view", "/readyz"):
        answer = app.get(path)
        assert (answer.status, answer.headers[HEADER]) == (503, compute_version(CODE))


def test_a_bug_is_answered_with_the_version(start_app: StartAppServer, tmp_path: Path) -> None:
    code = release(tmp_path, "\n\ndef home(request: HttpRequest) -> HttpResponseBase:\n    raise KeyError\n")
    answer = start_app({}, "--chdir", str(code), code=code).get("/")
    assert (answer.status, answer.text) == (500, "datelog failed.\n")
    assert answer.headers[HEADER] == compute_version(code / "datelog")


def test_the_version_is_in_the_uwsgi_protocols_responses(app: AppServer) -> None:
    packet = b"".join(
        len(text).to_bytes(2, "little") + text
        for text in (b"REQUEST_METHOD", b"GET", b"PATH_INFO", b"/healthz", b"SERVER_NAME", b"x")
    )
    with socket.create_connection((LOOPBACK, app.uwsgi_port), timeout=LIMIT) as connection:
        connection.sendall(b"\0" + len(packet).to_bytes(2, "little") + b"\0" + packet)
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    assert f"{HEADER}: {compute_version(CODE)}\r\n" in answer


def test_the_page_shows_the_version(app: AppServer) -> None:
    version = compute_version(CODE)
    assert f"<p>Version: {version}</p>" in app.get("/view").text
    assert f"<p>バージョン： {version}</p>" in app.get("/view", Accept_Language="ja").text


def test_the_original_applications_bodies_do_not_contain_it(app: AppServer) -> None:
    assert app.get("/read").body == list_body([])
    assert app.get("/healthz").body == b"ok\n"


def test_two_releases_have_different_versions(start_app: StartAppServer, tmp_path: Path) -> None:
    old, new = release(tmp_path / "old"), release(tmp_path / "new", "\n# changed\n")
    served = [
        start_app({}, "--chdir", str(code), code=code).get("/healthz").headers[HEADER] for code in (old, new)
    ]
    assert served == [compute_version(CODE), compute_version(new / "datelog")]
    assert served[0] != served[1]


def test_it_is_the_digest_that_the_playbook_computes(tmp_path: Path) -> None:
    assert playbooks_version(REPOSITORY) == compute_version(CODE)
    changed = release(tmp_path, "\n# changed\n")
    (changed / "datelog/a b-é.txt").write_text("a name with a space and a letter that is not ASCII")
    assert playbooks_version(changed) == compute_version(changed / "datelog")


def test_only_the_version_that_the_playbook_wrote_is_used(tmp_path: Path) -> None:
    folder = release(tmp_path) / "datelog"
    computed = compute_version(folder)
    assert read_version(folder) == computed
    for text, expected in [
        ("0123456789abcdef\n", "0123456789abcdef"),
        ("", computed),
        ("v1\r\nSet-Cookie: a=b", computed),
    ]:
        (tmp_path / "version").write_text(text)
        assert read_version(folder) == expected
