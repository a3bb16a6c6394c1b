"""GET /: the page for browsers, the list of the original application for programs."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.original import list_body
from tests.datelog.servers import AppServer, Cluster

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROMIUM = f"{FIREFOX.removesuffix('0.8')}0.7,image/avif,image/webp"
PROGRAMS = {
    "none": {},
    "curl": {"Accept": "*/*"},
    "json": {"Accept": "application/json"},
    "axios": {"Accept": "application/json, text/plain, */*"},
    "json before html": {"Accept": "text/html;q=0.5, application/json"},
    "as much": {"Accept": "text/html, application/json"},
    "never html": {"Accept": "text/html;q=0, */*"},
    "invalid": {"Accept": "text/html;q=much"},
    "Java": {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},
}
SAVED = "2022-11-06 03:01:47"
SAVED_AT = datetime.fromisoformat(SAVED)


@pytest.mark.parametrize("accept", ["text/html", FIREFOX, CHROMIUM], ids=["html", "firefox", "chromium"])
def test_a_browser_gets_the_page(app: AppServer, cluster: Cluster, accept: str) -> None:
    cluster.fill(SAVED)
    answer = app.get("/", Accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"<time>{SAVED}</time>" in answer.text
    assert answer.headers["Vary"] == "Accept, Accept-Language"
    head = app.request("HEAD", "/", Accept=accept)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == answer.headers["Content-Type"]


@pytest.mark.parametrize("headers", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_gets_the_bytes_of_the_original(
    app: AppServer, cluster: Cluster, headers: dict[str, str]
) -> None:
    cluster.fill(SAVED)
    answer = app.get("/", **headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.body == list_body([SAVED_AT])
    assert answer.headers["Vary"] == "Accept"
    unchanged = app.get("/", If_None_Match=answer.headers["ETag"], **headers)
    assert (unchanged.status, unchanged.headers["Vary"]) == (304, "Accept")


@pytest.mark.parametrize("path", ["/read", "/?limit=5", "/?after=2022-01-01T00:00:00~0"])
def test_a_browser_gets_json_from_the_other_paths(app: AppServer, cluster: Cluster, path: str) -> None:
    cluster.fill(SAVED)
    answer = app.get(path, Accept=FIREFOX)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == list_body([SAVED_AT])


def test_without_the_database_a_browser_gets_a_page_and_a_program_json(start_app: StartAppServer) -> None:
    app = start_app({"DB_READ_ENDPOINT_ADDRESS": "127.0.0.1:1", "DB_WRITE_ENDPOINT_ADDRESS": "127.0.0.1:1"})
    page, json = app.get("/", Accept=FIREFOX), app.get("/")
    assert (page.status, json.status) == (503, 503)
    assert 'role="alert"' in page.text
    assert json.headers["Content-Type"] == "application/json"


def test_a_post_saves_nothing(app: AppServer, cluster: Cluster) -> None:
    assert app.request("POST", "/", Accept=FIREFOX).status == 405
    assert cluster.rows() == 0


def test_the_icon_is_cached(app: AppServer) -> None:
    icon = app.get("/favicon.ico")
    assert (icon.status, icon.headers["Content-Type"]) == (200, "image/svg+xml")
    assert icon.headers["Cache-Control"] == "public, max-age=86400"
    assert app.request("HEAD", "/favicon.ico").body == b""
