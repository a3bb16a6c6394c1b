"""The log is in the order of time, though events become known in another order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from deployments import recordings
from deployments.models import Event
from deployments.presentation import log
from deployments.presentation.filters.events import EventFilter
from deployments.presentation.log import LogPosition
from tests.builders import make_user

pytestmark = pytest.mark.django_db
RECORDED = sorted((Path(settings.BASE_DIR) / "deployments" / "recorded").glob("*.json"))


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: path.stem)
def test_newest_last_is_in_the_order_of_time(recording: Path) -> None:
    deployment = recordings.load(json.loads(recording.read_text()), make_user("reader"))
    known = list(Event.objects.of(deployment).values_list("at", flat=True))
    assert known != sorted(known)  # the run itself stored later events before earlier ones

    page = log.read(deployment, EventFilter(), LogPosition(), up_to=deployment.last_seq)

    assert [line.at for line in page.lines] == sorted(line.at for line in page.lines)
