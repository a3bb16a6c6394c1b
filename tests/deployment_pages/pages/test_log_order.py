"""The log is sorted by time, although events are stored in another order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from deployments.deployment_pages import recordings
from deployments.deployment_pages.pages import log
from deployments.deployment_pages.pages.event_filters import EventFilter
from deployments.deployment_pages.pages.log import LogPosition
from deployments.stacks.models.events import Event
from tests.builders import make_user

pytestmark = pytest.mark.django_db
RECORDED = sorted((Path(settings.BASE_DIR) / "deployments" / "deployment_pages" / "recorded").glob("*.json"))


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: path.stem)
def test_newest_last_is_in_the_order_of_time(recording: Path) -> None:
    deployment = recordings.load(json.loads(recording.read_text()), make_user("reader"))
    known = list(Event.objects.of(deployment).values_list("at", flat=True))
    assert known != sorted(known)  # the deployment stored some later events before earlier ones

    page = log.read(deployment, EventFilter(), LogPosition(), up_to=deployment.last_seq)

    assert [line.at for line in page.lines] == sorted(line.at for line in page.lines)


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: path.stem)
def test_all_pages_together_are_in_the_order_of_time(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "PAGE", 10)
    deployment = recordings.load(json.loads(recording.read_text()), make_user("reader"))
    apart = EventFilter(apart=True)

    def read(position: LogPosition) -> log.LogPage:
        return log.read(deployment, apart, position, up_to=deployment.last_seq)

    up = [read(LogPosition())]
    while up[0].earlier:
        up.insert(0, read(LogPosition(before=up[0].earlier)))
    down = [read(LogPosition(oldest=True))]
    while down[-1].later:
        down.append(read(LogPosition(after=down[-1].later)))

    times = [(line.at, line.seq) for page in up for line in page.lines]
    assert times == sorted(times)
    assert times == [(line.at, line.seq) for page in down for line in page.lines]
    assert sorted(seq for _at, seq in times) == list(range(1, deployment.last_seq + 1))


def test_events_stored_since_another_one_are_read_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 10)
    deployment = recordings.load(json.loads(RECORDED[0].read_text()), make_user("reader"))
    start = deployment.last_seq - 25

    found, known = [], start
    while known:
        page = log.read(deployment, EventFilter(), LogPosition(since=known), up_to=deployment.last_seq)
        found += [line.seq for line in page.lines]
        known = page.known

    assert found == [
        seq
        for seq in range(start + 1, deployment.last_seq + 1)
        if Event.objects.get(deployment=deployment, seq=seq).repeat_of == 0
    ]
