"""Resources that are kept after a failure: the retry and the rollback, in an in-memory account."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.cloudformation.root_cause import root_cause
from deployments.common.errors import AwsRejected, UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.recovery.commands.delete import may_clean_up
from deployments.recovery.commands.recovering import request_stack_rollback
from deployments.stacks.commands.change_base import retried
from deployments.stacks.display.remaining import preserved_sentences
from deployments.stacks.display.tree import build_tree
from deployments.stacks.models.durations import Duration
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.rules.progress import ProgressCount
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow, make_user
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.stepping import run, take_step

FAILED_CREATION = [
    ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
    ("", "Network", "CREATE_IN_PROGRESS", ""),
    ("Network", "", "CREATE_IN_PROGRESS", ""),
    ("Network", "Vpc", "CREATE_IN_PROGRESS", ""),
    ("Network", "Vpc", "CREATE_COMPLETE", ""),
    ("Network", "Subnet", "CREATE_FAILED", "no room"),
    ("Network", "", "CREATE_FAILED", "The following resource(s) failed to create: [Subnet]. "),
    ("", "Network", "CREATE_FAILED", "Embedded stack x was not successfully created"),
    ("", "", "CREATE_FAILED", "The following resource(s) failed to create: [Network]. "),
]
FAILED_UPDATE = [
    ("", "", "UPDATE_IN_PROGRESS", "User Initiated"),
    ("", "Topic", "UPDATE_IN_PROGRESS", ""),
    ("", "Topic", "UPDATE_FAILED", "too large"),
    ("", "", "UPDATE_FAILED", "The following resource(s) failed to update: [Topic]. "),
]
RETRY_OF_CREATION = [
    ("", "", "UPDATE_IN_PROGRESS", "User Initiated"),
    ("", "Topic", "CREATE_IN_PROGRESS", ""),
    ("", "Topic", "CREATE_COMPLETE", ""),
    ("", "", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
    ("", "", "UPDATE_COMPLETE", ""),
]
EMPTYING = [
    ("", "", "ROLLBACK_IN_PROGRESS", "User Initiated"),
    ("", "Network", "DELETE_IN_PROGRESS", ""),
    ("Network", "", "DELETE_IN_PROGRESS", ""),
    ("Network", "Subnet", "DELETE_COMPLETE", ""),
    ("Network", "Vpc", "DELETE_COMPLETE", ""),
    ("Network", "", "DELETE_COMPLETE", ""),
    ("", "Network", "DELETE_COMPLETE", ""),
    ("", "", "ROLLBACK_COMPLETE", ""),
]


@pytest.fixture
def operator(db: None) -> User:
    """A user who may change environments."""
    user = make_user("operator")
    allow(user, "change_environment")
    return user


@pytest.fixture
def kept_creation(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet
) -> Deployment:
    """A creation that failed, and whose resources were kept."""
    stored_sets.keep(template_set)
    Deployment.objects.update(keep_on_failure=True)
    aws.create_acts, aws.emptying_acts = list(FAILED_CREATION), list(EMPTYING)
    ended = run(deployment, aws)
    assert (ended.state, aws.kept) == (State.FAILED, [True])
    return ended


@pytest.fixture
def kept_update(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> Deployment:
    """A failed change of a deployed environment, whose resources were kept."""
    stored_sets.keep(template_set)
    assert run(deployment, aws).state == State.SUCCEEDED
    aws.update_acts = list(FAILED_UPDATE)
    ended = applied(change(deployment, operator), aws, operator, keep=True)
    assert ended.state == State.FAILED
    return ended


def fresh(deployment: Deployment) -> Environment:
    return Environment.objects.for_page().get(pk=deployment.environment_id)


def change(deployment: Deployment, user: User, size: str = "3") -> Deployment:
    """Request a change, or the retry of a failed deployment whose resources were kept."""
    environment = fresh(deployment)
    return request_change(
        user=user,
        environment=environment,
        is_retry=retried(environment) is not None,
        parameters={"Size": size},
        reason="",
        request_key=uuid.uuid4(),
    )


def applied(requested: Deployment, aws: FakeAws, user: User, *, keep: bool = False) -> Deployment:
    shown = run(requested, aws, until=lambda d: d.state == State.PREVIEW)
    apply_change(user=user, deployment=shown, digest=shown.preview_digest, keep_on_failure=keep)
    return run(shown, aws)


def rolled_back(failed: Deployment, user: User) -> Deployment:
    return request_stack_rollback(
        user=user, environment=fresh(failed), reason="no time", request_key=uuid.uuid4()
    )


def codes(deployment: Deployment) -> list[str]:
    return list(Event.objects.of(deployment).filter(source="portal").values_list("code", flat=True))


def test_a_creation_is_rolled_back_unless_it_is_to_be_kept(deployment: Deployment, aws: FakeAws) -> None:
    run(deployment, aws)

    assert aws.kept == [False]


def test_a_creation_that_is_kept_says_what_stands(kept_creation: Deployment) -> None:
    environment = fresh(kept_creation)

    assert environment.stack_status == "CREATE_FAILED"
    assert preserved_sentences(kept_creation)[0].startswith(
        "Nothing was rolled back: 1 of 4 resources are complete, 2 failed, 1 were not started."
    )
    stacks = Stack.objects.of(kept_creation).prefetch_related("resources")
    assert build_tree(Kind.CREATE, stacks).counts[""] == ProgressCount(1, 4)
    assert may_clean_up(kept_creation)


def test_a_retry_completes_a_creation_and_protects_it(
    kept_creation: Deployment, aws: FakeAws, operator: User
) -> None:
    Deployment.objects.update(protection="wanted")
    aws.update_acts = list(RETRY_OF_CREATION)

    retry = change(kept_creation, operator)
    ended = applied(retry, aws, operator)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert (ended.is_retry, ended.creates, ended.base_id) == (True, True, kept_creation.pk)
    assert aws.kept == [True, True]  # CloudFormation retries only with rollback disabled
    assert fresh(ended).parameters["Size"] == "3"
    assert fresh(ended).latest_id == ended.pk
    assert ended.ready_at is not None
    assert Deployment.objects.complete_in(fresh(ended)).first() == ended


def test_a_retry_that_fails_again_can_be_retried_again(
    kept_creation: Deployment, aws: FakeAws, operator: User
) -> None:
    aws.update_acts = list(FAILED_UPDATE)
    again = applied(change(kept_creation, operator), aws, operator)
    assert (again.state, again.creates) == (State.FAILED, True)
    assert fresh(again).stack_status == "UPDATE_FAILED"

    aws.update_acts = list(RETRY_OF_CREATION)
    ended = applied(change(again, operator, size="4"), aws, operator)

    assert (ended.state, ended.base_id, ended.creates) == (State.SUCCEEDED, again.pk, True)


def test_a_creation_is_rolled_back_until_its_stack_is_empty(
    kept_creation: Deployment, aws: FakeAws, operator: User
) -> None:
    ended = run(rolled_back(kept_creation, operator), aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert (ended.kind, ended.base_id) == (Kind.ROLLBACK_CREATION, kept_creation.pk)
    assert fresh(ended).stack_status == "ROLLBACK_COMPLETE"
    assert set(Resource.objects.of_deployment(ended).values_list("status", flat=True)) == {"DELETE_COMPLETE"}
    assert codes(ended)[:3] == ["requested", "kept.found", "phase"]
    assert may_clean_up(ended)
    assert Duration.objects.filter(deployment=ended, operation="delete").exists()


def test_a_rollback_after_a_retry_that_failed_empties_the_stack_as_well(
    kept_creation: Deployment, aws: FakeAws, operator: User
) -> None:
    aws.update_acts = list(FAILED_UPDATE)
    aws.rollback_acts = list(EMPTYING)
    again = applied(change(kept_creation, operator), aws, operator)

    ended = run(rolled_back(again, operator), aws)

    assert (ended.state, ended.kind) == (State.SUCCEEDED, Kind.ROLLBACK_CREATION)


def test_an_update_is_rolled_back_to_the_values_before(
    kept_update: Deployment, aws: FakeAws, operator: User
) -> None:
    before = fresh(kept_update).parameters

    ended = run(rolled_back(kept_update, operator), aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert (ended.kind, ended.requested_by, ended.reason) == (Kind.ROLLBACK_UPDATE, operator, "no time")
    assert fresh(ended).parameters == before
    assert fresh(ended).stack_status == "UPDATE_ROLLBACK_COMPLETE"
    rows = Resource.objects.of_deployment(ended).values_list("logical_id", "status")
    assert list(rows) == [("Topic", "UPDATE_COMPLETE")]
    assert "kept.rollback_started" in codes(ended)
    assert ended.ready_at is not None
    own = Event.objects.of(ended).filter(source="cloudformation")
    assert own.count() == len(aws.rollback_acts)


def test_the_root_cause_stays_that_of_the_deployment_that_failed(
    kept_update: Deployment, aws: FakeAws, operator: User
) -> None:
    ended = run(rolled_back(kept_update, operator), aws)

    found = root_cause(f for e in Event.objects.of(kept_update).landmarks() if (f := e.as_failure()))
    assert found
    assert (found.leaf.logical_id, found.leaf.reason) == ("Topic", "too large")
    own = root_cause(f for e in Event.objects.of(ended).landmarks() if (f := e.as_failure()))
    assert own is None


def test_a_replay_of_a_rollback_begins_and_ends_as_it_did(
    kept_update: Deployment, aws: FakeAws, operator: User
) -> None:
    ended = run(rolled_back(kept_update, operator), aws)

    first, last = as_of(ended, 1), as_of(ended, ended.last_seq)

    assert first.deployment.state == State.PREFLIGHT
    assert [one.status for one in last.stacks] == ["UPDATE_ROLLBACK_COMPLETE"]


def test_a_rollback_that_fails_says_why(kept_update: Deployment, aws: FakeAws, operator: User) -> None:
    aws.rollback_acts = [
        ("", "", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        ("", "Topic", "UPDATE_FAILED", "cannot go back"),
        ("", "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Topic]. "),
    ]

    ended = run(rolled_back(kept_update, operator), aws)

    assert ended.state == State.FAILED
    assert "cannot go back" in reason(ended)
    assert fresh(ended).stack_status == "UPDATE_ROLLBACK_FAILED"


@pytest.mark.parametrize("after", [False, True])
def test_a_rollback_whose_answer_is_lost_is_requested_once(
    kept_update: Deployment, aws: FakeAws, operator: User, *, after: bool
) -> None:
    operation = "cloudformation:RollbackStack"
    aws.fail(operation, lost_answer(operation), after=after)

    ended = run(rolled_back(kept_update, operator), aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert Event.objects.of(ended).filter(code="kept.rollback_started").count() == 1


def test_a_rollback_that_somebody_else_has_done_ends_without_a_request_of_its_own(
    kept_update: Deployment, aws: FakeAws, operator: User
) -> None:
    requested = rolled_back(kept_update, operator)
    stack = fresh(kept_update).stack_id
    run(requested, aws, until=lambda d: d.state == State.STACKS)
    aws.rollback_stack(stack, "of another")
    aws.fail("cloudformation:RollbackStack", AwsRejected("ValidationError", "no", "RollbackStack"))

    assert run(requested, aws).state == State.SUCCEEDED


def test_a_stack_without_a_kept_failure_is_not_rolled_back(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> None:
    stored_sets.keep(template_set)
    run(deployment, aws)

    with pytest.raises(UserFixable, match="NothingToRollBack"):
        rolled_back(deployment, operator)
    record = AuditRecord.objects.get(action="roll_back")
    assert (record.outcome, record.user) == ("refused", operator)


def test_of_two_rollbacks_at_once_one_is_told_that_the_environment_is_busy(
    kept_update: Deployment, aws: FakeAws, operator: User
) -> None:
    first = rolled_back(kept_update, operator)

    with pytest.raises(UserFixable, match="EnvironmentBusy"):
        rolled_back(kept_update, operator)
    take_step(first, aws)
    assert Deployment.objects.filter(kind=Kind.ROLLBACK_UPDATE).count() == 1


def test_a_change_that_replaces_something_is_not_kept(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> None:
    stored_sets.keep(template_set)
    run(deployment, aws)
    shown = run(change(deployment, operator), aws, until=lambda d: d.state == State.PREVIEW)
    shown.changes["resources"][0] |= {"action": "replace", "replacement": "True", "effect": "replaced"}
    shown.save(update_fields=["changes"])

    with pytest.raises(UserFixable, match="NotKept"):
        apply_change(user=operator, deployment=shown, digest=shown.preview_digest, keep_on_failure=True)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    assert run(shown, aws).state == State.SUCCEEDED
    assert aws.kept == [False, False]


def test_a_queued_change_of_a_stack_that_failed_meanwhile_ends_with_the_reason(
    deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet, operator: User
) -> None:
    stored_sets.keep(template_set)
    run(deployment, aws)
    second = run(change(deployment, operator, "4"), aws, until=lambda d: d.state == State.PREVIEW)
    aws.update_acts = list(FAILED_UPDATE)
    applied(change(deployment, operator), aws, operator, keep=True)
    apply_change(user=operator, deployment=second, digest=second.preview_digest)

    ended = run(second, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "NotChangeable")
    assert "Retry from here" in reason(ended)
