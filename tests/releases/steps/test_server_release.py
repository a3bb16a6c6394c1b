"""A release to running servers from Apply to its end: order, failures, cancellation, lost responses."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.aws.autoscaling import Group
from deployments.aws.ssm import AssociationCall
from deployments.changes.commands.preview import request_rollback
from deployments.cloudformation.release_kind import ReleaseKind
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence
from deployments.health.models.configuration import Association, AssociationRun
from deployments.recovery.commands.cancel import request_cancel
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.steps import PROCESSES
from deployments.stacks.models.events import Event
from deployments.steps.observe_stack import observe_stack
from deployments.template_sets import template_files
from deployments.template_sets.commands.versions import set_version_status
from tests.builders import (
    allow,
    make_user,
)
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.releases.steps.running import (
    ASSOCIATION,
    CODE,
    GROUP,
    OTHER,
    TARGETS,
    KilledWorker,
    apply,
    fail_on,
    go,
    make_servers,
    previewed,
    released,
    stages,
    write,
)
from tests.stepping import run, take_step

LOST = (
    "ssm:SendCommand",
    "autoscaling:SuspendProcesses",
    "autoscaling:ResumeProcesses",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:DeregisterTargets",
    "cloudformation:ExecuteChangeSet",
)


def since_apply(aws: FakeAws, *services: str) -> list[str]:
    return [call for call in aws.calls if call.startswith(services)]


def test_a_code_release_reaches_one_server_after_the_other_and_then_the_stacks(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws)
    assert change.release is not None
    assert change.release.kind is ReleaseKind.CODE
    ended = go(change, aws)

    assert (ended.state, reason(ended)) == (State.STACKS, "")
    assert stages(ended) == {"i-1": "done", "i-2": "done"}
    assert [one.instance_id for one in aws.commands.values()] == ["i-1", "i-2"]
    sent = next(iter(aws.commands.values()))
    assert sent.call.document == "shop-document"
    assert sent.call.arguments["SourceUrl"] == (
        f"https://b.s3.amazonaws.com/{ended.artifact_prefix}/playbook.zip",
    )
    assert sent.call.arguments["ExtraVariables"] == ("DB_NAME=datelog",)
    assert str(ended.token) in sent.comment
    assert len(sent.comment) <= 100
    assert not since_apply(aws, "elasticloadbalancing:Reg", "elasticloadbalancing:Der", "autoscaling:Sus")
    phases = Event.objects.of(ended).filter(code="phase").values_list("values__phase", flat=True)
    assert list(phases)[-2:] == ["servers", "stacks"]
    watched = Event.objects.of(ended).filter(code="release.server", values__stage="watching")
    assert [one.values["server"] for one in watched] == ["i-1"]


def test_a_disruptive_release_takes_one_server_out_at_a_time(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    during: list[tuple[set[str], set[str]]] = []
    aws.after_command = lambda command: during.append(
        ({one.target_id for one in aws.targets[TARGETS]}, set(aws.suspended[GROUP]))
    )
    ended = go(released(shop, settings, operator, aws, OTHER), aws)

    assert (ended.state, reason(ended)) == (State.STACKS, "")
    assert during == [({"i-2"}, set(PROCESSES)), ({"i-1"}, set(PROCESSES))]
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}
    assert aws.suspended[GROUP] == set()
    assert ServerRelease.objects.get().resumed_at is not None


def test_what_somebody_else_has_suspended_stays_suspended(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    group = aws.scaling_groups[GROUP]
    aws.scaling_groups[GROUP] = Group(
        name=GROUP,
        desired=2,
        minimum=2,
        maximum=2,
        instances=group.instances,
        target_groups=group.target_groups,
        suspended=("AZRebalance",),
    )
    aws.suspended[GROUP] = {"AZRebalance"}
    go(released(shop, settings, operator, aws, OTHER), aws)

    assert aws.suspended[GROUP] == {"AZRebalance"}


@pytest.mark.parametrize("name", [CODE, OTHER])
def test_a_release_stops_at_the_server_that_fails_and_goes_back(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws, name: str
) -> None:
    before = template_files.load(Path(settings.SANSO_TEMPLATE_SET))
    fail_on(aws, "i-2")
    ended = go(released(shop, settings, operator, aws, name), aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "ReleaseFailed")
    assert stages(ended) == {"i-1": "done", "i-2": "failed"}
    assert "i-2 at the task “Compile and load the release”: no module named datelog.page" in reason(ended)
    assert Evidence.objects.of(ended).get().text.startswith("Compile and load the release: no module")
    assert aws.calls.count("cloudformation:ExecuteChangeSet") == 1  # only the creation's
    assert ended.change_set_id not in aws.change_sets
    assert aws.suspended.get(GROUP, set()) == set()
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}

    aws.after_command = lambda command: None
    base = Deployment.objects.for_page().get(kind="create")
    back = request_rollback(user=operator, deployment=base, reason="", request_key=uuid.uuid4())
    shown = run(back, aws, until=lambda d: d.state == State.PREVIEW or not d.is_active)
    assert shown.state == State.PREVIEW, reason(shown)
    assert shown.is_only_servers
    apply(shown, operator)
    at = len(aws.commands)
    done = go(shown, aws)

    assert (done.state, reason(done)) == (State.SUCCEEDED, "")
    assert done.template_digest == before.digest
    sent = list(aws.commands.values())[at:]
    assert {one.instance_id for one in sent} == {"i-1", "i-2"}
    assert all(before.objects_digest in one.call.arguments["SourceUrl"][0] for one in sent)
    assert aws.calls.count("cloudformation:ExecuteChangeSet") == 1
    again = previewed(shop, operator, aws)
    assert again.release is not None  # the current set is the one that failed
    assert again.release.kind is not ReleaseKind.NONE


def test_canceling_finishes_the_server_at_work_and_changes_no_other(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws)
    at_work = go(change, aws, until=lambda d: "configuring" in stages(d).values())
    request_cancel(user=operator, deployment=at_work, effect=CancelEffect.STOP_RELEASE)
    ended = go(change, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "stop_release")
    assert stages(ended) == {"i-1": "done", "i-2": "waiting"}
    assert len(aws.commands) == 1
    assert aws.calls.count("cloudformation:ExecuteChangeSet") == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_call_whose_response_was_lost_takes_effect_once(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws, after: bool
) -> None:
    change = released(shop, settings, operator, aws, OTHER)
    for operation in LOST:
        aws.fail(operation, lost_answer(operation), lost_answer(operation), after=after)
    ended = go(change, aws)

    assert (ended.state, reason(ended)) == (State.STACKS, "")
    assert [one.instance_id for one in aws.commands.values()] == ["i-1", "i-2"]
    assert aws.suspended[GROUP] == set()
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}


POINTS = (
    ("ssm:DescribeAssociation", 2),
    ("ssm:SendCommand", 2),
    ("ssm:ListCommandInvocations", 2),
    ("autoscaling:DescribeAutoScalingGroups", 3),
    ("autoscaling:SuspendProcesses", 1),
    ("autoscaling:ResumeProcesses", 1),
    ("elasticloadbalancing:DescribeTargetHealth", 3),
    ("elasticloadbalancing:DeregisterTargets", 2),
    ("elasticloadbalancing:RegisterTargets", 2),
    ("cloudformation:ExecuteChangeSet", 1),
)
"""The calls of a release, and the number of occurrences at which the worker is killed."""
WRITES = (
    *("ssm:Send", "autoscaling:Sus", "autoscaling:Res", "cloudformation:Exec"),
    *("elasticloadbalancing:Der", "elasticloadbalancing:Reg"),
)


@pytest.mark.parametrize(
    ("operation", "occurrence", "after"),
    [
        (operation, occurrence, after)
        for operation, count in POINTS
        for occurrence in range(count)
        for after in ((False, True) if operation.startswith(WRITES) else (False,))
    ],
)
def test_a_release_survives_the_death_of_its_worker_at_every_call(
    shop: Environment,
    settings: Settings,
    operator: User,
    aws: FakeAws,
    operation: str,
    occurrence: int,
    after: bool,
) -> None:
    change = released(shop, settings, operator, aws, OTHER)
    begun, killed = len(aws.calls), 0
    place = aws.after if after else aws.before

    def kill(call: str) -> None:
        nonlocal killed
        if call == operation and aws.calls[begun:].count(operation) == occurrence + 1 and not killed:
            killed += 1
            place.setdefault(operation, []).append(KilledWorker())  # type: ignore[arg-type]  # not an AWS error

    aws.on_call = kill
    for _ in range(200):
        try:
            ended = go(change, aws)
            break
        except KilledWorker:  # another worker continues after the lease expires
            continue

    assert killed == 1, "the call is made"
    assert (ended.state, reason(ended)) == (State.STACKS, "")
    assert [one.instance_id for one in aws.commands.values()] == ["i-1", "i-2"]
    assert stages(ended) == {"i-1": "done", "i-2": "done"}
    assert aws.suspended[GROUP] == set()
    assert {one.target_id for one in aws.targets[TARGETS]} == {"i-1", "i-2"}
    events = Event.objects.of(ended)
    assert [one.seq for one in events] == list(range(1, len(events) + 1))


def test_a_server_that_joins_midway_gets_the_version_and_one_that_left_is_left_out(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws)
    go(change, aws, until=lambda d: "configuring" in stages(d).values())
    make_servers(aws, "i-1", "i-3")
    ended = go(change, aws)

    assert ended.state == State.STACKS, reason(ended)
    assert stages(ended) == {"i-1": "done", "i-2": "gone", "i-3": "done"}


def scheduled_run(shop: Environment, instance_id: str) -> None:
    """Observe a run of the association that ended now and restored the earlier version."""
    about = {"environment": shop, "association_id": ASSOCIATION, "observed_at": timezone.now()}
    one = Association.objects.filter(environment=shop).first() or Association.objects.create(**about)
    run = {"execution_id": "scheduled", "status": "Success", "at": timezone.now()}
    AssociationRun.objects.update_or_create(association=one, instance_id=instance_id, defaults=run)


def test_a_server_that_a_scheduled_run_has_set_back_is_configured_once_more_and_no_oftener(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws)
    go(change, aws, until=lambda d: len(aws.commands) == 2)
    scheduled_run(shop, "i-1")
    go(change, aws, until=lambda d: ReleaseServer.objects.filter(attempt=2, stage="done").exists())
    scheduled_run(shop, "i-1")
    ended = go(change, aws)

    assert ended.state == State.STACKS, reason(ended)
    assert [one.instance_id for one in aws.commands.values()].count("i-1") == 2


@pytest.mark.parametrize("stops", [False, True])
def test_a_step_that_died_after_it_began_the_stacks_configures_no_server_again_and_cannot_be_stopped(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws, stops: bool
) -> None:
    change = released(shop, settings, operator, aws)
    killed: Any = KilledWorker()
    aws.after["cloudformation:ExecuteChangeSet"] = [killed]
    with pytest.raises(KilledWorker):
        go(change, aws)
    scheduled_run(shop, "i-1")  # the update of the stacks runs the association
    if stops:
        row = Deployment.objects.for_page().get(pk=change.pk)
        request_cancel(user=operator, deployment=row, effect=CancelEffect.STOP_RELEASE)
    ended = go(change, aws)

    assert ended.state == State.STACKS, reason(ended)
    assert len(aws.commands) == 2
    assert stages(ended) == {"i-1": "done", "i-2": "done"}
    take_step(ended, aws)
    assert "cloudformation:CancelUpdateStack" not in aws.calls
    if stops:
        assert Deployment.objects.get(pk=change.pk).cancel_refusal["code"] == "cancel_effect_changed"


def test_a_version_that_was_withdrawn_after_apply_is_not_released(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws)
    manager, version = allow(operator, "manage_template_sets"), change.template_version
    assert version is not None
    set_version_status(user=manager, version=version, status="withdrawn", reason="?")
    ended = run(change, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "version_withdrawn")
    assert not aws.commands
    assert Environment.objects.get(pk=shop.pk).active_deployment is None


def test_an_environment_whose_association_takes_no_artifact_goes_to_its_stacks_at_once(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    aws.association_call_rows[ASSOCIATION] = AssociationCall(
        association_id=ASSOCIATION, name="other", document="AWS-RunShellScript"
    )
    ended = go(released(shop, settings, operator, aws), aws)

    assert ended.state == State.STACKS, reason(ended)
    assert not ServerRelease.objects.exists()


def test_without_the_permission_to_release_it_cannot_be_applied(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    write(settings, CODE, "changed\n")
    shown = previewed(shop, operator, aws)
    other = allow(make_user("other"), "change_environment")

    with pytest.raises(PermissionMissing):
        apply(shown, other)
    assert AuditRecord.objects.filter(
        permission="deployments.release_environment", outcome="refused"
    ).exists()


def test_a_group_that_a_release_left_suspended_is_resumed(
    shop: Environment, settings: Settings, operator: User, aws: FakeAws
) -> None:
    change = released(shop, settings, operator, aws, OTHER)
    go(change, aws, until=lambda d: "configuring" in stages(d).values())
    assert aws.suspended[GROUP] == set(PROCESSES)
    Deployment.objects.filter(pk=change.pk).update(
        state="failed", active_key=None, due_at=None, ended_at=timezone.now()
    )

    version = Environment.objects.get(pk=shop.pk).version
    assert observe_stack(shop.pk, version, aws)
    assert aws.suspended[GROUP] == set()
