"""Snapshots that are available before a change begins that may lose data, in an in-memory account."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.aws.cloudformation import ResourceChange
from deployments.aws.rds import Cluster
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.approve import set_approval_required
from deployments.changes.commands.preview import request_change
from deployments.changes.models.approvals import Approval
from deployments.changes.models.snapshot_choices import databases_at_risk
from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import AwsRejected
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.health.rules.backups import CAUSE_TAG
from deployments.recovery.commands.cancel import request_cancel
from deployments.stacks.display.phases import preview_phases
from deployments.stacks.models.events import Event
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow, make_operator, make_user
from tests.changes.shared.approvals.requesting import approving
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.stepping import run, take_step

CREATE = "rds:CreateDBClusterSnapshot"
EXECUTE = "cloudformation:ExecuteChangeSet"
REPLACED = ResourceChange(
    action="Modify",
    logical_id="DbCluster",
    type="AWS::RDS::DBCluster",
    physical_id="staging-db",
    replacement="True",
    policy_action="ReplaceAndDelete",
)


@pytest.fixture
def operator(db: None) -> User:
    """A user who may change environments."""
    return make_operator("operator")


@pytest.fixture
def environment(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> Environment:
    """An environment with a database, which every update replaces."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    Environment.objects.update(parameters=ended.parameters)
    aws.db_clusters["staging-db"] = Cluster(
        cluster_id="staging-db", status="available", engine_version="8.0.mysql_aurora.3.08.2", members=()
    )
    aws.also_changes = (REPLACED,)
    aws.calls.clear()
    return fresh(deployment)


def fresh(deployment: Deployment) -> Environment:
    return Environment.objects.for_page().get(pk=deployment.environment_id)


def previewed(environment: Environment, aws: FakeAws, user: User, size: str = "3") -> Deployment:
    requested = request_change(
        user=user, environment=environment, parameters={"Size": size}, reason="", request_key=uuid.uuid4()
    )
    return run(requested, aws, until=lambda one: one.state == State.PREVIEW)


def applied(shown: Deployment, user: User, *, snapshot: bool = True) -> Deployment:
    return apply_change(
        user=user,
        deployment=shown,
        digest=shown.preview_digest,
        typed_name=shown.environment.name,
        snapshot_first=snapshot,
    )


def saving(environment: Environment, aws: FakeAws, user: User) -> Deployment:
    """Return an applied change that waits for its snapshot."""
    shown = previewed(environment, aws, user)
    applied(shown, user)
    return run(shown, aws, until=lambda one: bool(aws.db_snapshots) and one.state == State.SNAPSHOT)


def is_ready(aws: FakeAws, status: str = "available") -> None:
    """Let every snapshot get a status."""
    aws.db_snapshots = {
        name: replace(row, status=status, created_at=timezone.now()) for name, row in aws.db_snapshots.items()
    }


def phases(deployment: Deployment) -> list[str]:
    events = Event.objects.of(deployment).filter(code="phase").order_by("pk")
    return [str(event.values["phase"]) for event in events]


def test_nothing_changes_before_the_snapshot_is_available(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    change = saving(environment, aws, operator)
    for _ in range(3):
        take_step(change, aws)

    assert EXECUTE not in aws.calls
    (snapshot,) = aws.db_snapshots.values()
    assert (snapshot.cluster_id, snapshot.tags[CAUSE_TAG]) == ("staging-db", "before_change")
    assert snapshot.snapshot_id.startswith(f"{environment.stack_name}-")
    shown = preview_phases(Deployment.objects.for_page().get(pk=change.pk))
    assert [(one.name, one.status) for one in shown][4] == ("Snapshot", DisplayStatus.PROGRESS)

    is_ready(aws)
    ended = run(change, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert aws.calls.count(CREATE) == 1
    assert aws.calls.index(CREATE) < aws.calls.index(EXECUTE)
    assert phases(ended)[2:5] == ["preview", "snapshot", "stacks"]
    assert AuditRecord.objects.get(action="apply").details["snapshot_first"] == ["staging-db"]


def test_without_the_choice_and_without_a_database_at_risk_there_is_no_such_phase(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    ended = run(applied(previewed(environment, aws, operator), operator, snapshot=False), aws)
    assert (ended.state, "snapshot" in phases(ended)) == (State.SUCCEEDED, False)

    aws.also_changes = ()
    shown = previewed(fresh(ended), aws, operator, size="4")
    assert databases_at_risk(shown) == []
    assert applied(shown, operator).options == {}


def test_a_change_whose_snapshot_rds_refuses_changes_nothing(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    aws.fail(CREATE, AwsRejected("SnapshotQuotaExceeded", "too many", CREATE))
    shown = previewed(environment, aws, operator)
    applied(shown, operator)

    ended = run(shown, aws)

    assert (ended.state, ended.last_phase) == (State.FAILED, State.SNAPSHOT)
    assert "The quota of manual cluster snapshots" in reason(ended)
    assert EXECUTE not in aws.calls
    assert ended.failed_before_stacks
    assert fresh(ended).active_deployment is None


@pytest.mark.parametrize("status", ["failed", ""])
def test_a_snapshot_that_fails_or_vanishes_ends_the_change(
    environment: Environment, aws: FakeAws, operator: User, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = saving(environment, aws, operator)
    take_step(change, aws)
    if status:
        is_ready(aws, status)
    else:
        aws.db_snapshots.clear()
        monkeypatch.setattr("deployments.health.shared.snapshots.LISTED_AFTER", timedelta(0))

    ended = run(change, aws)

    assert (ended.state, EXECUTE in aws.calls) == (State.FAILED, False)


def test_a_change_that_is_canceled_meanwhile_changes_nothing(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    change = saving(environment, aws, operator)
    request_cancel(user=operator, deployment=change, effect="discard")

    ended = run(change, aws)

    assert (ended.state, EXECUTE in aws.calls) == (State.CANCELED, False)
    assert len(aws.db_snapshots) == 1  # it stays: it costs little, and nobody asked to delete it


@pytest.mark.parametrize("after", [True, False])
def test_a_worker_that_is_killed_around_the_call_takes_one_snapshot(
    environment: Environment, aws: FakeAws, operator: User, after: bool
) -> None:
    class Killed(BaseException):
        pass

    shown = previewed(environment, aws, operator)
    applied(shown, operator)
    aws.fail(CREATE, Killed(), after=after)  # type: ignore[arg-type]  # a killed process handles no exception
    with pytest.raises(Killed):
        run(shown, aws)

    change = run(shown, aws, until=lambda one: bool(aws.db_snapshots))
    is_ready(aws)

    assert run(change, aws).state == State.SUCCEEDED
    assert len(aws.db_snapshots) == 1


def test_a_lost_response_takes_one_snapshot(environment: Environment, aws: FakeAws, operator: User) -> None:
    aws.fail(CREATE, lost_answer(CREATE), after=True)
    change = saving(environment, aws, operator)
    is_ready(aws)

    assert run(change, aws).state == State.SUCCEEDED
    assert aws.calls.count(CREATE) == 1


def test_a_stack_that_is_changed_outside_of_sanso_meanwhile_needs_a_new_preview(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    change = saving(environment, aws, operator)
    aws.stacks[environment.stack_id].updated = "2026-12-03T00:00:00Z"
    is_ready(aws)

    again = run(change, aws, until=lambda one: one.state == State.PREVIEW and one.revision == 1)

    assert (again.options, EXECUTE in aws.calls) == ({}, False)
    assert Event.objects.of(again).filter(code="change.out_of_date").exists()


def test_the_snapshot_is_part_of_what_is_approved(
    environment: Environment, aws: FakeAws, operator: User
) -> None:
    ben = make_user("ben")
    allow(ben, "approve_change")
    allow(operator, "require_approval")
    set_approval_required(user=operator, environment=environment, required=True, reason="")
    shown = previewed(fresh_environment(environment), aws, operator)
    applied(shown, operator)
    approval = Approval.objects.waiting().get(deployment=shown)
    assert approval.choices["snapshot_first"] == ["staging-db"]

    approving(ben, approval)
    change = run(shown, aws, until=lambda one: bool(aws.db_snapshots))
    is_ready(aws)

    assert run(change, aws).state == State.SUCCEEDED


def fresh_environment(environment: Environment) -> Environment:
    return Environment.objects.for_page().get(pk=environment.pk)
