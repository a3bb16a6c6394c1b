"""Any JSON is a recording whose pages can be opened, or is rejected with an error that names the location."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment
from tests.builders import make_user
from tests.fuzz.hostile import json_values, mutated
from tests.fuzz.profile import fuzzed
from tests.live import scenes

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]


@pytest.fixture
def reader(db: None) -> User:
    return make_user("reader", is_staff=True, is_superuser=True)


@pytest.fixture
def browser(client: Client, reader: User) -> Client:
    client.force_login(reader)
    return client


def recorded() -> list[Any]:
    """Return recordings of deployments with different results."""
    ended = (scenes.rolled_back(), scenes.succeeded(), scenes.failed_deletion())
    return [json.loads(json.dumps(recordings.dump(scenes.reload(one)))) for one in ended]


def as_read(document: Any) -> Any:
    """Return a document after writing and reading it as JSON: Python's JSON supports NaN and Infinity."""
    return json.loads(json.dumps(document))


def load_and_open(document: Any, reader: User, browser: Client) -> None:
    with transaction.atomic():
        try:
            assert_can_be_opened(recordings.load(document, reader), browser)
        except UserFixable as refused:
            assert_error_has_text(refused)
        transaction.set_rollback(True)


def assert_error_has_text(refused: UserFixable) -> None:
    assert refused.code in ("RecordingInvalid", "RecordingUnknown")
    assert error_text(refused).encode()


def assert_can_be_opened(deployment: Deployment, browser: Client) -> None:
    page = deployment.get_absolute_url()
    for path in (
        page,
        f"{page}?replay=1",
        f"{page}?tab=events&problems=1",
        f"{page}events?q=x",
        f"{page}events/first-failure",
        f"{page}rows/",
        f"{page}replay?since=0&until={deployment.last_seq}",
        f"{page}updates?since=0",
        deployment.environment.get_absolute_url(),
        f"{deployment.environment.get_absolute_url()}compare",
        "/deployments/",
        "/environments/?deleted=1",
        f"/admin/deployments/deployment/{deployment.pk}/change/",
        "/admin/deployments/event/",
    ):
        assert browser.get(path).status_code in (200, 302), path
    assert json.dumps(recordings.dump(deployment), allow_nan=False).encode()


def test_recordings_as_they_are_written_can_be_opened(reader: User, browser: Client) -> None:
    for document in recorded():
        assert_can_be_opened(recordings.load(document, reader), browser)


def test_any_change_of_a_recording(reader: User, browser: Client) -> None:
    documents = recorded()

    @fuzzed(100)
    @given(st.sampled_from(documents).flatmap(mutated))
    def is_handled(document: Any) -> None:
        load_and_open(as_read(document), reader, browser)

    is_handled()


@fuzzed(60)
@given(
    json_values
    | st.dictionaries(st.sampled_from(("format", "stacks", "deployment")), json_values).map(
        lambda d: d | {"format": 1}
    )
)
def test_any_json(reader: User, browser: Client, document: Any) -> None:
    load_and_open(as_read(document), reader, browser)
