"""/view, the page for people, as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote_plus

import pytest

from tests.datelog.servers import AppServer, Cluster, Response


class Page(HTMLParser):
    """The texts and links of the page."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.texts: list[str] = []
        self._href = ""
        self._in_style = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self._href = (dict(attrs).get("href") or "") if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._in_style:
            self.texts.append(data.strip())
            if self._href:
                self.links[data.strip()] = self._href

    @property
    def times(self) -> list[str]:
        return [text for text in self.texts if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)]


def test_the_newest_times_come_first_with_a_link_to_older_ones(app: AppServer, cluster: Cluster) -> None:
    cluster.run("INSERT INTO datelog (dt) SELECT '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_250")
    cluster.wait_for_reader()
    seen, path = [], "view"
    while path:
        page = Page(app.get(f"/{path}"))
        seen.append(page.times)
        path = page.links.get("Older times", "")
    assert [len(times) for times in seen] == [100, 100, 50]
    everything = [text for times in seen for text in times]
    assert everything == sorted(everything, reverse=True)
    assert everything[-1] == "2024-01-01 00:00:01"
    assert page.links == {"Newest times": "view"}


def test_the_page_of_an_empty_list_says_so(app: AppServer) -> None:
    assert "No saved times yet." in Page(app.get("/view")).texts


def test_saving_redirects_to_a_page_that_confirms_it(app: AppServer, cluster: Cluster) -> None:
    answer = app.request("POST", "/view")
    assert answer.status == 303
    page = Page(app.get(answer.headers["Location"]))
    saved = unquote_plus(answer.headers["Location"].partition("saved=")[2])
    assert "Saved:" in page.texts
    assert saved in page.times
    assert cluster.rows() == 1


def test_the_page_explains_a_lagging_reader(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-01-01 00:00:00")
    cluster.reader.execute("STOP SLAVE SQL_THREAD")
    try:
        answer = app.get(app.request("POST", "/view").headers["Location"])
        assert answer.status == 200
        assert "It will appear in the list in a moment." in Page(answer).texts
    finally:
        cluster.reader.execute("START SLAVE SQL_THREAD")


def test_an_invalid_saved_parameter_is_not_shown(app: AppServer) -> None:
    for value in ("<script>alert(1)</script>", "2024-01-01", "2024-01-01%2000:00:00<b>"):
        answer = app.get(f"/view?saved={value.replace(' ', '%20')}")
        assert answer.status == 200
        assert "Saved:" not in answer.text
        assert "<script" not in answer.text


def test_an_invalid_link_shows_the_newest_times(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-01-01 00:00:00")
    answer = app.get("/view?before=yesterday")
    assert answer.status == 400
    page = Page(answer)
    assert "This link is not valid. Showing the newest times." in page.texts
    assert page.times == ["2024-01-01 00:00:00"]


def test_without_the_writer_the_page_keeps_its_list(app: AppServer, cluster: Cluster) -> None:
    cluster.fill("2024-01-01 00:00:00")
    cluster.writer.kill()
    try:
        answer = app.request("POST", "/view")
    finally:
        cluster.writer.restart()
    assert answer.status == 503
    page = Page(answer)
    assert page.times == ["2024-01-01 00:00:00"]
    assert "The time may not have been saved. Check the list before you try again." in page.texts


def test_without_the_reader_the_page_keeps_its_button(app: AppServer, cluster: Cluster) -> None:
    cluster.reader.kill()
    try:
        answer = app.get("/view")
    finally:
        cluster.reader.restart()
    assert answer.status == 503
    page = Page(answer)
    assert "Save the current time" in page.texts
    assert "No saved times yet." not in page.texts


@pytest.mark.parametrize(
    ("accepted", "language", "button"),
    [
        ("", "en", "Save the current time"),
        ("ja", "ja", "現在の日時を保存"),
        ("fr;q=0.9, ja-JP;q=0.8, en;q=0.7", "ja", "現在の日時を保存"),
        ("en-GB, ja;q=0.5", "en", "Save the current time"),
        ("fr", "en", "Save the current time"),
        ("*;q=zzz,;;", "en", "Save the current time"),
    ],
)
def test_the_page_is_in_the_browsers_language(
    app: AppServer, accepted: str, language: str, button: str
) -> None:
    answer = app.get("/view", Accept_Language=accepted)
    assert f'<html lang="{language}">' in answer.text
    assert button in Page(answer).texts
    assert answer.headers["Vary"] == "Accept-Language"


def test_the_page_needs_no_script_and_allows_none(app: AppServer) -> None:
    answer = app.get("/view")
    assert "<script" not in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
