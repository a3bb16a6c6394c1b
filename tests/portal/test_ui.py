"""Template tags for statuses, times and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.datetime_formats import age_text
from deployments.environments.display import badges
from portal.templatetags import ui

MOMENT = datetime(2026, 11, 24, 14, 5, 9, tzinfo=UTC)


def render(text: str, **values: object) -> str:
    return Template(text).render(Context(values))


def test_every_status_has_its_own_glyph_and_label() -> None:
    assert set(badges.GLYPHS) == set(badges.LABELS) == set(DisplayStatus)
    assert len(set(badges.GLYPHS.values())) == len(DisplayStatus)
    assert len({str(status) for status in badges.LABELS.values()}) == len(DisplayStatus)


def test_a_status_has_glyph_label_and_color_with_the_raw_status_as_tooltip() -> None:
    shown = render("{% status 'CREATE_FAILED' 'No room.' %}")

    assert 'class="status is-failed" tabindex="0"' in shown
    assert '<use href="#i-fail">' in shown
    assert '<span class="word">Failed</span>' in shown
    assert '<span class="tip">CREATE_FAILED: No room.</span>' in shown


def test_a_status_with_its_raw_status_is_no_tab_stop() -> None:
    shown = render("{% status 'CREATE_COMPLETE' raw=True %}")

    assert '<span class="raw">CREATE_COMPLETE</span>' in shown
    assert "tabindex" not in shown


def test_an_unknown_status_is_displayed_as_it_is() -> None:
    assert "NEW_WORD_IN_PROGRESS" in render("{% status 'NEW_WORD_IN_PROGRESS' %}")


def test_a_reason_is_escaped() -> None:
    assert "<script>" not in render("{% status 'CREATE_FAILED' reason %}", reason="<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2026-11-24 23:05:09 JST"),
        ("UTC", "2026-11-24 14:05:09 UTC"),
        ("America/Sao_Paulo", "2026-11-24 11:05:09 UTC-03"),
    ],
)
def test_a_time_is_displayed_in_the_named_zone_and_stored_in_utc(zone: str, shown: str) -> None:
    with timezone.override(zone):
        tag = render("{% when moment %}", moment=MOMENT)

    assert f">{shown}</time>" in tag
    assert 'datetime="2026-11-24T14:05:09Z"' in tag


def test_a_missing_time_is_a_dash() -> None:
    assert render("{% when moment %}{% age moment %}{% ago moment %}", moment=None) == "–––"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (47 * 3600, "47 h"), (48 * 3600, "2 d")],
)
def test_an_age_is_in_one_unit(seconds: int, text: str) -> None:
    assert age_text(MOMENT, MOMENT + timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(9, "0:09"), (522.9, "8:42"), (3723, "1:02:03"), (-1, "0:00"), (None, "")]
)
def test_a_duration_reads_like_a_clock(seconds: float | None, text: str) -> None:
    assert render("{{ seconds|duration }}", seconds=seconds) == text


@pytest.mark.parametrize(
    ("value", "is_link"),
    [
        ("http://a.example/", True),
        ("HTTPS://a.example/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        (" http://a.example/", False),
        (7, False),
    ],
)
def test_only_web_addresses_are_links(value: object, is_link: bool) -> None:
    assert ui.is_link(value) is is_link
