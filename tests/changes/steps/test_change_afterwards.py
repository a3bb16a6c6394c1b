"""A change that has ended: its replay, comparison with another change, recording and preview."""

from __future__ import annotations

import json
import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.stacks.models import timeline
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow_only, make_user
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.stepping import run


@pytest.fixture
def operator(db: None) -> User:
    user = make_user("operator")
    codes = ("change_environment", "add_deployment", "view_deployment")
    allow_only(user, *codes)
    return user


@pytest.fixture
def browser(operator: User) -> Client:
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def changes(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> list[Deployment]:
    """Two consecutive changes of an environment, with the rows that a real run stores."""
    stored_sets.keep(template_set)
    created = run(deployment, aws)
    Environment.objects.update(parameters=created.parameters)
    return [changed(created, aws, operator, size) for size in ("3", "4")]


def changed(created: Deployment, aws: FakeAws, operator: User, size: str) -> Deployment:
    requested = request_change(
        user=operator,
        environment=Environment.objects.for_page().get(pk=created.environment_id),
        parameters={"Size": size},
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = run(requested, aws, until=lambda one: one.state == State.PREVIEW)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    ended = run(shown, aws)
    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    return ended


def test_a_change_is_replayed_from_its_first_event_to_its_last(
    changes: list[Deployment], browser: Client
) -> None:
    change = changes[0]
    assert browser.get(f"{change.get_absolute_url()}?replay=1").status_code == 200
    update = reverse("replay_update", args=[change.pk])
    updates = [
        browser.get(update, {"since": str(seq - 1), "until": str(seq)}).json()
        for seq in range(1, change.last_seq + 1)
    ]
    assert [one["seq"] for one in updates] == list(range(1, change.last_seq + 1))


def test_two_changes_are_compared(changes: list[Deployment], browser: Client) -> None:
    first, second = changes
    address = reverse("comparison", args=[first.environment_id])
    shown = browser.get(address, {"first": first.pk, "second": second.pk}).content.decode()
    assert "Topic" in shown
    assert "Size" in shown


def test_a_change_is_exported_and_imported_with_its_times(changes: list[Deployment], browser: Client) -> None:
    before = changes[0]
    recording = json.loads(json.dumps(recordings.dump(before)))

    after = recordings.load(recording, make_user("reader"))

    assert (after.applied_at, after.began_at) == (before.applied_at, before.began_at)
    line = timeline.load(after)
    assert (line.start, line.now) == (timeline.load(before).start, timeline.load(before).now)
    for query in ("", "?replay=1", "?tab=events"):
        assert browser.get(f"{after.get_absolute_url()}{query}").status_code == 200


def test_its_page_leads_back_to_its_preview(changes: list[Deployment], browser: Client) -> None:
    change = changes[0]
    preview = reverse("change_preview_page", args=[change.pk]) + "?applied=yes"
    assert f'href="{preview}"' in browser.get(change.get_absolute_url()).content.decode()
    shown = browser.get(preview).content.decode()
    assert "applied by <b>operator</b>" in shown
    assert "apply-form" not in shown
