"""A release that returns to the earlier version when a server fails: order, result and records."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence
from deployments.recovery.commands.cancel import request_cancel
from deployments.releases.models import ServerRelease
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of
from tests.fake_services import SentCommand
from tests.fakes import FakeAws
from tests.message_texts import reason
from tests.releases.steps.running import (
    CODE,
    OTHER,
    OUTPUT,
    TARGETS,
    KilledWorker,
    fail_on,
    go,
    make_servers,
    previewed,
    stages,
    write,
)


@pytest.fixture
def change(
    request: pytest.FixtureRequest,
    shop: Environment,
    settings: Settings,
    operator: User,
    aws: FakeAws,
) -> Deployment:
    """An applied release that goes back if a server fails; the test chooses the changed file."""
    write(settings, getattr(request, "param", OTHER), "changed\n")
    shown = previewed(shop, operator, aws)
    return apply_change(user=operator, deployment=shown, digest=shown.preview_digest, go_back=True)


def fail_once(aws: FakeAws, instance_id: str) -> None:
    """Make the first command of a server fail."""
    failed: list[str] = []

    def fail(command: SentCommand) -> None:
        if command.instance_id == instance_id and not failed:
            failed.append(instance_id)
            command.status, command.output = "Failed", OUTPUT

    aws.after_command = fail


@pytest.mark.parametrize("change", [CODE, OTHER], indirect=True)
def test_the_changed_servers_get_the_version_of_before(change: Deployment, aws: FakeAws) -> None:
    before = aws.association_call_rows["association-1"].arguments["SourceUrl"]
    fail_once(aws, "i-2")
    ended = go(change, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseReturned")
    assert "i-2 at the task “Compile and load the release”" in reason(ended)
    assert stages(ended) == {"i-1": "returned", "i-2": "returned"}
    assert [one.call.arguments["SourceUrl"] == before for one in aws.commands.values()] == [
        *(False, False),
        *(True, True),
    ]
    assert len({one.comment for one in aws.commands.values()}) == 4
    assert aws.suspended.get("group-1", set()) == set()
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}
    assert Evidence.objects.of(ended).get().text.startswith("Compile and load the release: no module")
    environment = Environment.objects.get(pk=ended.environment_id)
    assert ServerRelease.objects.unfinished_of(environment) is None, "no server has the new version"
    texts = [event_texts.event(one) for one in Event.objects.of(ended)]
    assert "i-2 failed: the changed servers get the earlier version." in texts
    assert "i-1 serves the earlier version." in texts
    record = AuditRecord.objects.filter(action="apply").get()
    assert record.details["go_back"] is True


def test_the_waterfall_has_a_row_for_each_server_also_in_a_replay(change: Deployment, aws: FakeAws) -> None:
    ended = go(change, aws)
    now = {row.path: row for row in DeploymentView.whole(ended).rows()}

    assert now["@servers"].children == ("t-@servers.i-1", "t-@servers.i-2")
    assert [now[f"@servers/{one}"].label for one in ("i-1", "i-2")] == ["Done", "Done"]
    assert now["@servers/i-1"].type == ended.template_digest[:8]
    first = Event.objects.of(ended).filter(code="release.server", values__stage="done").earliest("seq")
    then = {row.path: row for row in DeploymentView.past(as_of(ended, first.seq)).rows()}
    assert [then[f"@servers/{one}"].label for one in ("i-1", "i-2")] == ["Done", "Waiting"]
    assert then["@servers/i-2"].type != then["@servers/i-1"].type


def test_a_server_without_its_turn_is_left_alone(change: Deployment, aws: FakeAws) -> None:
    fail_once(aws, "i-1")
    ended = go(change, aws)

    assert ended.error_code == "ReleaseReturned"
    assert stages(ended) == {"i-1": "returned", "i-2": "not_reached"}
    assert [one.instance_id for one in aws.commands.values()] == ["i-1", "i-1"]


def test_a_way_back_that_fails_stops(change: Deployment, aws: FakeAws) -> None:
    fail_on(aws, "i-2")
    ended = go(change, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseReturnFailed")
    assert stages(ended)["i-2"] == "failed"
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}
    environment = Environment.objects.get(pk=ended.environment_id)
    unfinished = ServerRelease.objects.unfinished_of(environment)
    assert unfinished is not None
    assert unfinished.deployment_id == ended.pk


@pytest.mark.parametrize("occurrence", range(4))
def test_the_way_back_survives_the_death_of_its_worker(
    change: Deployment, aws: FakeAws, occurrence: int
) -> None:
    fail_once(aws, "i-2")
    go(change, aws, until=lambda d: ServerRelease.objects.exclude(returning_at=None).exists())
    operation = ("ssm:SendCommand", "elasticloadbalancing:RegisterTargets")[occurrence % 2]
    place = aws.after if occurrence > 1 else aws.before
    place.setdefault(operation, []).append(KilledWorker())  # type: ignore[arg-type]  # not an AWS error
    with pytest.raises(KilledWorker):
        go(change, aws)
    ended = go(change, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseReturned")
    assert len(aws.commands) == 4
    assert aws.suspended["group-1"] == set()


@pytest.mark.parametrize("change", [CODE, OTHER], indirect=True)
def test_every_server_goes_back_after_a_release_that_left_them_with_different_versions(
    change: Deployment,
    settings: Settings,
    operator: User,
    aws: FakeAws,
) -> None:
    fail_on(aws, "i-2")
    assert go(change, aws).error_code == "ReleaseReturnFailed"
    aws.after_command = lambda command: None
    sent = len(aws.commands)
    write(settings, CODE, "changed again\n")
    shown = previewed(Environment.objects.get(pk=change.environment_id), operator, aws)
    again = apply_change(user=operator, deployment=shown, digest=shown.preview_digest, go_back=True)
    fail_once(aws, "i-1")
    ended = go(again, aws)

    assert ended.error_code == "ReleaseReturned"
    assert stages(ended) == {"i-1": "returned", "i-2": "returned"}
    before = aws.association_call_rows["association-1"].arguments["SourceUrl"]
    commands = list(aws.commands.values())[sent:]
    assert [(one.instance_id, one.call.arguments["SourceUrl"] == before) for one in commands] == [
        ("i-1", False),
        ("i-1", True),
        ("i-2", True),
    ]


def test_a_server_that_joins_on_the_way_back_is_left_alone(change: Deployment, aws: FakeAws) -> None:
    fail_once(aws, "i-2")
    go(change, aws, until=lambda d: ServerRelease.objects.exclude(returning_at=None).exists())
    make_servers(aws, "i-1", "i-2", "i-3")
    ended = go(change, aws)

    assert ended.error_code == "ReleaseReturned"
    assert stages(ended) == {"i-1": "returned", "i-2": "returned", "i-3": "not_reached"}
    assert "i-3" not in {one.instance_id for one in aws.commands.values()}
    rows = {row.path: row for row in DeploymentView.whole(ended).rows()}
    assert rows["@servers/i-3"].label == "Not reached"


def test_a_way_back_that_is_stopped_leaves_servers_with_different_versions(
    change: Deployment,
    operator: User,
    aws: FakeAws,
) -> None:
    fail_once(aws, "i-2")
    go(change, aws, until=lambda d: ServerRelease.objects.exclude(returning_at=None).exists())
    request_cancel(user=operator, deployment=change, effect=CancelEffect.STOP_RELEASE)
    ended = go(change, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseReturnFailed")
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}
    environment = Environment.objects.get(pk=ended.environment_id)
    assert ServerRelease.objects.unfinished_of(environment) is not None
    assert ended.cancel_accepted_at is not None, "the page must not say that nothing was canceled"


def test_a_release_that_changed_no_server_leaves_those_of_an_earlier_one_unfinished(
    change: Deployment,
    settings: Settings,
    operator: User,
    aws: FakeAws,
) -> None:
    fail_on(aws, "i-2")
    mixed = go(change, aws)
    write(settings, CODE, "changed again\n")
    shown = previewed(Environment.objects.get(pk=change.environment_id), operator, aws)
    again = apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    go(again, aws, until=lambda d: ServerRelease.objects.of(d) is not None)
    request_cancel(user=operator, deployment=again, effect=CancelEffect.STOP_RELEASE)
    ended = go(again, aws)

    assert ended.state == State.CANCELED
    environment = Environment.objects.get(pk=ended.environment_id)
    unfinished = ServerRelease.objects.unfinished_of(environment)
    assert unfinished is not None
    assert unfinished.deployment_id == mixed.pk
