"""Facts of recorded deployments are the same on pages, in the API, in a shell and in notifications.

The rows are those of real runs. Hypothesis chooses the moment, and what remains in AWS afterwards
(docs/facts.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from deployments.changes.display.previews import is_preview
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource, SearchState
from deployments.cloudformation.timeline import at_ms
from deployments.common.rules.plain_reason import plain_reason
from deployments.deployment_pages import recordings
from deployments.deployment_pages.pages.waterfall import cache
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import ACTIVE, State
from deployments.failures.shared import notices
from deployments.notifications.models import Delivery, NoticeState
from deployments.notifications.rules.topics import Topic
from deployments.notifications.texts import notices as notice_texts
from deployments.stacks.models import past_state, progress
from deployments.stacks.models.events import Event
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.steps.progress import forecast_computed
from deployments.template_sets.shared import versions as template_set_notices
from sanso_cli import session
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.deployment_pages.recorded import recorded
from tests.notification_builders import make_target
from tests.pages.pages import Element, page
from tests.template_versions import ROOT, make_pinned, make_source, make_version

pytestmark = [pytest.mark.core, pytest.mark.django_db, pytest.mark.timeout(300)]
EXAMPLES = settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds: none is shrunk
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
STATE = ("status", "reason", "started_at", "changed_at", "ended_at", "changes")


def as_own(deployment: Deployment) -> None:
    """Let a recording count as a deployment that this portal carried out."""
    Account.objects.filter(pk=deployment.environment.account_id).update(is_recording=False)
    Environment.objects.filter(pk=deployment.environment_id).update(deleted_at=None, latest=deployment)


@contextmanager
def at_moment(deployment: Deployment, share: float) -> Iterator[tuple[Deployment, datetime]]:
    """Write the rows of an active deployment as they were at one of its events; restore them afterwards."""
    past = past_state.as_of(deployment, 1 + round(share * (deployment.last_seq - 1)))
    then = past.deployment
    with transaction.atomic(), mock.patch("django.utils.timezone.now", return_value=past.now):
        Stack.objects.bulk_update(past.stacks, STATE)
        rows = [row for stack in past.stacks for row in stack.resources.all()]
        Resource.objects.bulk_update(rows, [*STATE, "physical_id"])
        Event.objects.of(deployment).filter(seq__gt=then.last_seq).delete()
        values = {name: getattr(then, name) for name in ("state", "last_phase", "ended_at", "last_seq")}
        is_active = State(then.state) in ACTIVE
        values |= {"active_key": deployment.environment_id if is_active else None}
        values |= {"progress": 0, "rollback_progress": 0, "polled_at": past.now, "ticked_at": past.now}
        Deployment.objects.filter(pk=deployment.pk).update(**values)
        cache._entries.clear()
        yield Deployment.objects.for_page().get(pk=deployment.pk), past.now
        transaction.set_rollback(True)
    cache._entries.clear()


def opened(client: Client, row: Deployment) -> Element:
    return page(client.get(row.get_absolute_url(), follow=True))


def printed(shell: Shell, pk: int) -> dict[str, Any]:
    """Return a deployment as `sanso deployments` prints it."""
    found: list[dict[str, Any]] = json.loads(shell.run("deployments", "-o", "json")[1])
    (one,) = [row for row in found if row["id"] == pk]
    return one


@EXAMPLES
@given(share=st.floats(0, 1))
@pytest.mark.parametrize("name", ["failed_servers", "success", "update"])
def test_progress_and_forecast_are_the_same_at_any_moment(
    portal: PortalInProcess, shell: Shell, operator: User, client: Client, name: str, share: float
) -> None:
    with transaction.atomic():
        deployment = recorded(name) if name == "failed_servers" else recordings.open_included(name, operator)
        as_own(deployment)
        make_target("https://hooks.example.com/", topics=[str(Topic.DEPLOYMENT_LATE)])
        client.force_login(operator)
        with at_moment(deployment, share) as (row, now):
            if row.is_active and not is_preview(row):
                forecast = progress.advance(row)
                cache._entries.clear()
                in_progress(portal, shell, client, row, now)
                if forecast:
                    late(row, at_ms(round(forecast.end)), now)
        transaction.set_rollback(True)


def in_progress(
    portal: PortalInProcess, shell: Shell, client: Client, row: Deployment, now: datetime
) -> None:
    """Compare what the page, the lists, the API and the command line say about an active deployment."""
    row.refresh_from_db()
    view = DeploymentView.whole(row)
    text = opened(client, row).text
    api = session.client()
    one = api.get(f"/deployments/{row.pk}")
    (listed,) = [found for found in api.get("/deployments")["items"] if found["id"] == row.pk]

    assert one["progress"] == listed["progress"] == printed(shell, row.pk)["progress"] == row.progress
    assert one["is_slower_than_forecast"] == view.summary.progress.is_slow
    number = view.summary.progress.number
    assert (f"{number} % " in text) == (number is not None)
    if not view.timeline.course.has_turned and number is not None:
        assert number == row.progress
    end = api.get(f"/deployments/{row.pk}/rows")["expected_end"]
    forecast = view.timeline.forecast
    assert (end is None) == (forecast is None)
    if forecast:
        difference = datetime.fromisoformat(end) - at_ms(forecast.end)
        assert abs(difference.total_seconds()) < 0.01  # JSON has milliseconds
    assert (view.eta is None) == (forecast is None)
    if view.eta:
        assert view.eta.end == round(forecast.end if forecast else 0)
        assert view.eta.text in text


def late(row: Deployment, end: datetime, now: datetime) -> None:
    """Compare the end in the message about a late deployment with the forecast that it is about."""
    first = row.began_at + (end - row.began_at) / 10
    NoticeState.objects.create(key=f"forecast:{row.pk}", values={"end": first.isoformat()})

    forecast_computed(row, end, now)

    for delivery in Delivery.objects.filter(deployment=row, topic=Topic.DEPLOYMENT_LATE):
        assert datetime.fromisoformat(delivery.payload["end"]) == end
        written = f"Forecast now: {timezone.localtime(end):%Y-%m-%d %H:%M:%S}"
        assert any(line.startswith(written) for line in notice_texts.lines(delivery.topic, delivery.payload))


FOUND = st.lists(
    st.tuples(
        st.sampled_from(["AWS::RDS::DBClusterSnapshot", "AWS::Logs::LogGroup", "AWS::EC2::Volume"]),
        st.sampled_from(list(Billing)),
    ),
    max_size=4,
)


@EXAMPLES
@given(found=FOUND, search=st.sampled_from([SearchState.DONE, SearchState.INCOMPLETE]))
@pytest.mark.parametrize("name", ["failure", "failed_database", "failed_servers"])
def test_the_cause_and_what_remains_are_the_same_after_a_failure(
    portal: PortalInProcess,
    operator: User,
    client: Client,
    name: str,
    found: list[tuple[str, Billing]],
    search: SearchState,
) -> None:
    with transaction.atomic():
        deployment = recordings.open_included(name, operator) if name == "failure" else recorded(name)
        as_own(deployment)
        rows = [
            RemainingResource(type=kind, id=f"left-{number}", reason=Reason.SNAPSHOT, billing=billing)
            for number, (kind, billing) in enumerate(found)
        ]
        kept = {"search": str(search), "services": {"x": {"resources": [one.as_json() for one in rows]}}}
        Deployment.objects.filter(pk=deployment.pk).update(remaining=kept)
        Environment.objects.filter(pk=deployment.environment_id).update(deleted_at=None)
        make_target("https://hooks.example.com/")
        client.force_login(operator)
        cache._entries.clear()
        after_failure(Deployment.objects.for_page().get(pk=deployment.pk), client)
        transaction.set_rollback(True)


def after_failure(row: Deployment, client: Client) -> None:
    """Compare what the banner, the API and the notification say about a failed deployment."""
    notices.deployment_ended(row, timezone.now())
    delivery = Delivery.objects.get(deployment=row, topic=Topic.DEPLOYMENT_FAILED)
    lines = notice_texts.lines(delivery.topic, delivery.payload)
    banner = DeploymentView.whole(row).summary.banner
    assert banner is not None
    shown = opened(client, row).one(id="cause")
    api = session.client()

    assert shown.attributes.get("data-cause", "") == banner.code
    assert delivery.payload.get("cause", {}).get("code", "") == banner.code
    first = delivery.payload["first_failure"]
    assert (first["stack"], first["logical_id"]) == (banner.leaf.path, banner.leaf.logical_id)
    assert first["reason"] == banner.leaf.reason[: notices.MAX_TEXT]
    events = api.get(f"/deployments/{row.pk}/events?limit=200")["items"]
    reasons = [one["plain_reason"] for one in events if one["logical_id"] == banner.leaf.logical_id]
    assert plain_reason(banner.leaf.reason) in reasons
    if banner.advice:
        assert f"What to do: {banner.advice}" in lines
        assert banner.advice in shown.text

    remaining = remaining_of(row)
    listed = api.get(f"/environments/{row.environment_id}/remaining")
    notified = delivery.payload.get("remaining")
    assert [(one["type"], one["id"]) for one in listed["items"]] == [
        (one.type, one.id) for one in remaining.resources
    ]
    assert listed["search"] == str(remaining.search)
    billed = sum(one["billing"] == Billing.BILLED for one in listed["items"])
    assert billed == len(remaining.billed)
    if notified:
        assert (notified["resources"], notified["billed"]) == (len(listed["items"]), billed)
        assert notified["search"] == listed["search"]
    if remaining.resources:
        assert any(line.startswith(f"{len(listed['items'])} resource") for line in lines)
        if banner.remains:
            assert banner.remains.startswith(f"{len(listed['items'])} resource")


TAGS = st.lists(st.sampled_from(["v1.2", "release-2026", "2026.12", "x"]), max_size=2, unique=True)


@EXAMPLES
@given(before=TAGS, after=TAGS, has_commits=st.booleans())
@example(before=["2026.12", "v1.2"], after=["v1.2"], has_commits=False)
def test_a_version_has_one_name(
    portal: PortalInProcess,
    shell: Shell,
    operator: User,
    client: Client,
    tmp_path: Path,
    before: list[str],
    after: list[str],
    has_commits: bool,
) -> None:
    with transaction.atomic():
        source = make_source(kind="git" if has_commits else "folder")
        own = make_version(source, tmp_path / "set", *before)
        changed = {"root.yaml": ROOT.replace("Default: 2", "Default: 3")}
        new = make_version(source, tmp_path / "set", "main", *after, files=changed)
        own.refresh_from_db()  # a tag that both have has moved
        pinned = make_pinned("shop", own, owner=operator, channel="main")
        make_target("https://hooks.example.com/", topics=[str(Topic.UPDATE_AVAILABLE)])
        client.force_login(operator)

        template_set_notices.updates_offered(source, timezone.now())

        (delivery,) = Delivery.objects.filter(environment=pinned, topic=Topic.UPDATE_AVAILABLE)
        assert (delivery.payload["before"], delivery.payload["version"]) == (own.label, new.label)
        assert notice_texts.title(delivery.topic, delivery.payload).endswith(f": {new.label}")
        api = session.client()
        assert api.get(f"/environments/{pinned.pk}")["template_version"]["label"] == own.label
        listed = api.get(f"/template-sets/{source.pk}/versions")["items"]
        assert [one["label"] for one in listed] == [new.label, own.label]
        (row,) = json.loads(shell.run("env", "list", "-o", "json")[1])
        assert row["template_version"]["label"] == own.label
        latest = pinned.deployments.get()
        assert api.get(f"/deployments/{latest.pk}")["template_version"]["label"] == own.label
        shown = page(client.get(f"/environments/{pinned.pk}/", follow=True)).text
        assert own.label in shown
        transaction.set_rollback(True)
