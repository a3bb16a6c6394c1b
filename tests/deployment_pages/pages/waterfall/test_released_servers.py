"""The rows of a release's servers, built from the events of the log alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import translation

from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.deployment_pages.pages.waterfall.released_servers import server_rows
from deployments.stacks.models.events import Event

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
FOUND = ("release.found", {"servers": ["i-1", "i-2"], "before": "aaaaaaaa", "after": "bbbbbbbb"})
FAILED = Message(Code.RELEASE_NOT_DRAINED, {"server": "i-2"}).as_json()


def moved(server: str, stage: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "release.server", {"server": server, "stage": stage, **more}


def rows(*happened: tuple[str, dict[str, Any]]) -> dict[str, Row]:
    """Return the rows after these events, one a second."""
    events = [
        Event(code=code, values=values, at=START + timedelta(seconds=number))
        for number, (code, values) in enumerate(happened)
    ]
    now = round((START + timedelta(minutes=5)).timestamp() * 1000)
    return {row.name: row for row in server_rows(events, now)}


def test_every_server_has_a_row_with_its_version_from_the_beginning_on() -> None:
    found = rows(FOUND, moved("i-1", "draining"))

    assert list(found) == ["i-1", "i-2"]
    assert (found["i-1"].label, found["i-1"].display_status) == ("Draining", DisplayStatus.PROGRESS)
    assert found["i-1"].is_moving
    assert (found["i-2"].label, found["i-2"].bars) == ("Waiting", ())
    assert {one.type for one in found.values()} == {"aaaaaaaa"}
    assert found["i-1"].parent == "t-@servers"


def test_a_bar_for_each_stage_until_it_is_done() -> None:
    stages = ("draining", "configuring", "checking", "watching", "done")
    row = rows(FOUND, *(moved("i-1", stage) for stage in stages))["i-1"]

    assert (row.label, row.display_status, row.type) == ("Done", DisplayStatus.DONE, "bbbbbbbb")
    assert row.ended is not None
    assert row.started is not None
    assert row.ended - row.started == 4000
    assert [bar.status for bar in row.bars] == [*[DisplayStatus.PROGRESS] * 3, DisplayStatus.SETTLING]


def test_a_server_that_fails_says_why_and_keeps_its_version() -> None:
    row = rows(FOUND, moved("i-2", "configuring"), moved("i-2", "failed", message=FAILED))["i-2"]

    assert (row.display_status, row.type) == (DisplayStatus.FAILED, "aaaaaaaa")
    assert "did not leave its target groups" in row.reason
    assert [bar.status for bar in row.bars] == [DisplayStatus.FAILED]


def test_a_release_that_goes_back_shows_who_was_not_reached() -> None:
    found = rows(
        ("release.found", {"servers": ["i-1", "i-2", "i-3"], "before": "aaaaaaaa", "after": "bbbbbbbb"}),
        *(moved("i-1", stage) for stage in ("configuring", "checking", "done")),
        *(moved("i-2", stage) for stage in ("configuring", "failed")),
        ("release.returning", {"server": "i-2"}),
        *(moved("i-1", stage, back=True) for stage in ("configuring", "checking", "returned")),
    )

    assert [one.label for one in found.values()] == ["Went back", "Waiting", "Not reached"]
    assert {one.type for one in found.values()} == {"aaaaaaaa"}


def test_the_words_are_those_of_the_language() -> None:
    with translation.override("ja"):
        assert rows(FOUND)["i-1"].label == "待機中"


def test_events_of_the_release_before_have_rows_without_versions() -> None:
    row = rows(moved("i-1", "configuring"), moved("i-1", "done"))["i-1"]
    assert (row.label, row.type) == ("Done", "")
