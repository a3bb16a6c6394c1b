"""?limit= and ?after=: pages of the list."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.datelog.conftest import StartAppServer
from tests.datelog.servers import AppServer, Cluster, Response

NEXT = re.compile(r'<(/[^>]*)>; rel="next"')
TIMES = [f"2024-01-01 00:00:{second:02}" for second in (0, 1, 1, 1, 1, 2, 3)]


def next_path(answer: Response) -> str | None:
    found = NEXT.fullmatch(answer.headers.get("Link", ""))
    return found[1] if found else None


def walk(app: AppServer, path: str | None) -> list[list[str]]:
    """Follow the links to the last page; return the times of each page."""
    pages = []
    while path is not None:
        answer = app.get(path)
        assert answer.status == 200, answer.text
        times = answer.json()
        assert isinstance(times, list)
        pages.append(times)
        path = next_path(answer)
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_the_pages_form_the_list(app: AppServer, cluster: Cluster, limit: int) -> None:
    cluster.fill(*reversed(TIMES))
    pages = walk(app, f"/read?limit={limit}")
    assert [text for page in pages for text in page] == TIMES
    assert all(len(page) == limit for page in pages[:-1])


def test_the_pages_of_the_originals_table_form_the_list(cluster: Cluster, start_app: StartAppServer) -> None:
    cluster.run("DROP TABLE datelog; CREATE TABLE datelog (dt datetime)")
    cluster.fill(*TIMES)
    app = start_app()
    for limit in (1, 2, 3, 7):
        assert [text for page in walk(app, f"/?limit={limit}") for text in page] == TIMES


def test_the_link_to_the_next_page_keeps_the_path(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*TIMES)
    assert (next_path(app.get("/?limit=2")) or "").startswith("/?")
    assert (next_path(app.get("/read?limit=2")) or "").startswith("/read?")


def test_times_saved_meanwhile_are_on_the_following_pages(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*TIMES)
    first = app.get("/read?limit=3")
    cluster.fill("2024-01-01 00:00:01", "2024-01-02 00:00:00")
    following = [text for page in walk(app, next_path(first)) for text in page]
    assert following == [*TIMES[3:5], "2024-01-01 00:00:01", *TIMES[5:], "2024-01-02 00:00:00"]


def test_a_page_supports_conditional_requests(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*TIMES)
    page = app.get("/read?limit=3")
    assert app.get("/read?limit=3", If_None_Match=page.headers["ETag"]).status == 304
    assert app.get("/read?limit=2", If_None_Match=page.headers["ETag"]).status == 200
    assert app.request("HEAD", "/read?limit=3").headers == page.headers


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=5001",
        "limit=ten",
        "limit=",
        "limit=٣",
        "limit=1e3",
        "limit=99999999999999999999",
        "after=",
        "after=2024-01-01",
        "after=2024-13-01T00:00:00~1",
        "after=2024-01-01T00:00:00~1%20OR%201=1",
        "after=2024-01-01T00:00:00~99999999999999999999999",
        "after=%FF%FE",
    ],
)
def test_an_invalid_page_is_rejected_with_a_message(app: AppServer, query: str) -> None:
    answer = app.get("/read?" + quote(query, safe="=%&:~"))
    assert answer.status == 400
    content = answer.json()
    assert isinstance(content, dict)
    assert content["error"].startswith("Not a page of the list: ")


def test_other_query_parameters_are_ignored(app: AppServer, cluster: Cluster) -> None:
    cluster.fill(*TIMES)
    assert app.get("/read?utm_source=mail").json() == TIMES
