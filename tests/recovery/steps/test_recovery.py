"""Recovery of stacks in an in-memory account: forgotten stacks, outside changes, failed rollbacks."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change
from deployments.common.errors import AwsAccessError
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.delete import request_deletion
from deployments.recovery.commands.recovering import request_adoption, request_continue
from deployments.stacks.models.events import Event
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from tests.builders import allow_only, make_deployment, make_environment, make_user
from tests.fakes import FakeAws, FakeStack, lost_answer
from tests.message_texts import reason
from tests.stepping import run

pytestmark = pytest.mark.django_db
CONTINUE = "cloudformation:ContinueUpdateRollback"


@pytest.fixture
def operator(db: None) -> User:
    user = make_user("operator")
    codenames = ("add_deployment", "change_environment", "delete_environment")
    allow_only(user, *codenames)
    return user


def fresh(environment: Environment) -> Environment:
    return Environment.objects.for_page().get(pk=environment.pk)


def poll(environment: Environment, aws: FakeAws) -> Environment:
    Environment.objects.filter(pk=environment.pk).update(due_at=timezone.now())
    step.run_environment(environment.pk, fresh(environment).version, aws)
    return fresh(environment)


def forgotten(days: float, **values: object) -> tuple[Environment, FakeAws]:
    """Return an environment whose creation ended this long ago, before its change set was executed."""
    environment = make_environment(
        "staging", stack_id="arn:x", stack_status="REVIEW_IN_PROGRESS", due_at=timezone.now()
    )
    deployment = make_deployment(environment, state="failed", stack_id="arn:x")
    Deployment.objects.filter(pk=deployment.pk).update(ended_at=timezone.now() - timedelta(days=days))
    aws = FakeAws()
    tags = {"sanso:environment": str(environment.key)}
    aws.stacks["arn:x"] = FakeStack("sanso-staging", "arn:x", "REVIEW_IN_PROGRESS", tags=tags)
    return environment, aws


def test_an_empty_stack_that_was_forgotten_for_a_week_is_deleted() -> None:
    environment, aws = forgotten(days=7.1)
    aws.fail("cloudformation:DeleteStack", lost_answer("cloudformation:DeleteStack"), after=True)

    poll(environment, aws)  # the response is lost
    seen = poll(environment, aws)

    assert aws.stacks["arn:x"].status == "DELETE_COMPLETE"
    assert seen.missing_since is not None  # reported as missing, with the next steps
    assert aws.calls.count("cloudformation:DeleteStack") == 1


def test_a_forgotten_stack_leaves_an_environment_that_was_never_created() -> None:
    environment, aws = forgotten(days=8)
    seen = poll(environment, aws)
    assert (seen.stack_id, seen.stack_status, seen.missing_since) == ("", "", None)
    assert Event.objects.filter(deployment=seen.latest, code="review.purged").count() == 1


@pytest.mark.parametrize(
    ("days", "tag", "status"),
    [
        (6.9, "", "REVIEW_IN_PROGRESS"),
        (30, "another", "REVIEW_IN_PROGRESS"),
        (30, "", "CREATE_COMPLETE"),
    ],
)
def test_nothing_else_is_deleted(days: float, tag: str, status: str) -> None:
    environment, aws = forgotten(days)
    aws.stacks["arn:x"].status = status
    if tag:
        aws.stacks["arn:x"].tags = {"sanso:environment": tag}
    assert poll(environment, aws).stack_id == "arn:x"
    assert "cloudformation:DeleteStack" not in aws.calls


def test_a_stack_with_an_active_deployment_is_not_forgotten() -> None:
    environment, aws = forgotten(days=30)
    make_deployment(environment, kind="delete", state="preflight")
    poll(environment, aws)
    assert "cloudformation:DeleteStack" not in aws.calls


def test_a_stack_that_could_not_be_cleaned_up_stays_with_its_environment(
    deployment: Deployment, aws: FakeAws
) -> None:
    """A change set fails, and deleting its stack fails too: the page offers the deletion again."""
    denied = AwsAccessError("AccessDenied", "denied", "cloudformation:DeleteStack")
    aws.fail("cloudformation:DeleteStack", denied)
    aws.fail("cloudformation:DescribeChangeSet", *[lost_answer("x")], after=False)
    run(deployment, aws, until=lambda d: bool(d.change_set_id))
    for name, one in list(aws.change_sets.items()):
        aws.change_sets[name] = type(one)(
            change_set_id=one.change_set_id,
            stack_id=one.stack_id,
            status="FAILED",
            execution_status="UNAVAILABLE",
            reason="Template error",
        )

    ended = run(deployment, aws)

    assert ended.state == State.FAILED
    environment = fresh(ended.environment)
    assert environment.stack_status == "REVIEW_IN_PROGRESS"
    assert environment.stack_id in aws.stacks
    assert environment.due_at is not None


@pytest.fixture
def deployed(deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet) -> Environment:
    """An environment that has been created."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    assert ended.state == State.SUCCEEDED
    return fresh(ended.environment)


def test_the_stack_is_read_as_soon_as_a_deployment_has_ended(deployed: Environment) -> None:
    """What changes it from then on was not requested in Sanso."""
    assert deployed.due_at is not None
    assert deployed.due_at < timezone.now() + timedelta(seconds=5)


def test_sansos_own_operations_are_not_taken_for_changes_outside(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    assert poll(deployed, aws).changed_outside_at is None
    changed = request_change(
        user=operator,
        environment=fresh(deployed),
        parameters={"Size": "3"},
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = run(changed, aws, until=lambda d: d.state == State.PREVIEW)
    apply_change(user=operator, deployment=shown, digest=shown.preview_digest)
    assert run(shown, aws).state == State.SUCCEEDED

    seen = poll(deployed, aws)
    assert (seen.changed_outside_at, seen.known_stack["status"]) == (None, "UPDATE_COMPLETE")
    assert poll(deployed, aws).changed_outside_at is None


def test_a_change_outside_is_recognized_and_taken_over_with_its_values(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    poll(deployed, aws)
    stack = aws.stacks[deployed.stack_id]
    stack.status, stack.updated = "UPDATE_COMPLETE", "2026-11-25T10:00:00+00:00"
    stack.parameters["Size"] = "5"
    seen = poll(deployed, aws)
    assert seen.changed_outside_at is not None
    assert seen.changed_outside_at.isoformat() == "2026-11-25T10:00:00+00:00"
    root = template_files.load(settings.SANSO_TEMPLATE_SET).root
    aws.templates[deployed.stack_id] = root.read_text().replace("Topic:", "Subject:")

    taken = request_adoption(user=operator, environment=seen, reason="", request_key=uuid.uuid4())
    ended = run(taken, aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    after = fresh(deployed)
    assert (after.parameters["Size"], after.changed_outside_at, after.latest_id) == ("5", None, ended.pk)
    found = stored_sets.find(ended.template_digest)
    assert found is not None
    assert list(found.contents[found.root.name]["Resources"]) == ["Subject"]
    assert poll(deployed, aws).changed_outside_at is None


def test_an_update_that_began_and_ended_before_the_first_observation_is_recognized(
    deployed: Environment, aws: FakeAws
) -> None:
    stack = aws.stacks[deployed.stack_id]
    stack.status, stack.updated = "UPDATE_COMPLETE", "2126-11-25T10:00:00+00:00"

    seen = poll(deployed, aws)

    assert seen.changed_outside_at is not None
    assert seen.changed_outside_at.isoformat() == "2126-11-25T10:00:00+00:00"


def test_a_template_that_is_no_set_is_refused_and_leaves_everything_as_it_was(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    poll(deployed, aws)
    aws.stacks[deployed.stack_id].updated = "2026-11-25T10:00:00+00:00"
    seen = poll(deployed, aws)
    aws.templates[deployed.stack_id] = "Resources: ["

    ended = run(request_adoption(user=operator, environment=seen, reason="", request_key=uuid.uuid4()), aws)

    assert ended.state == State.FAILED
    assert reason(ended)
    after = fresh(deployed)
    assert after.changed_outside_at == seen.changed_outside_at
    assert after.parameters == seen.parameters


def stuck(deployed: Environment, aws: FakeAws) -> Environment:
    """Make the update of a topic fail, and its rollback too."""
    stack = aws.stacks[deployed.stack_id]
    for logical_id, status in (
        ("", "UPDATE_IN_PROGRESS"),
        ("", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Topic", "UPDATE_FAILED"),
        ("", "UPDATE_ROLLBACK_FAILED"),
    ):
        aws._acts = [("", logical_id, status, "no way back")]
        aws._move_on(stack)
    return poll(deployed, aws)


@pytest.mark.parametrize("lost", [False, True])
def test_a_rollback_is_continued_once_with_what_is_skipped(
    deployed: Environment, aws: FakeAws, operator: User, lost: bool
) -> None:
    found = stuck(deployed, aws)
    assert [one.key for one in found.stuck_resources or ()] == ["Topic"]
    if lost:
        aws.fail(CONTINUE, lost_answer(CONTINUE), after=True)
    asked = request_continue(
        user=operator, environment=found, skip=["Topic"], reason="", request_key=uuid.uuid4()
    )

    ended = run(asked, aws)

    assert ended.state == State.SUCCEEDED, reason(ended)
    assert aws.calls.count(CONTINUE) == 1
    assert aws.skipped == ([] if lost else [("Topic",)])  # recorded with the response
    after = fresh(deployed)
    assert after.stack_status == "UPDATE_ROLLBACK_COMPLETE"
    assert [one.key for one in after.skipped_resources] == ["Topic"]
    statuses = [one.status for one in Event.objects.of(ended).filter(source="cloudformation")]
    assert "UPDATE_ROLLBACK_FAILED" not in statuses  # earlier events are not included


def test_a_rollback_that_fails_again_is_a_failure_of_its_own(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    found = stuck(deployed, aws)
    aws.rollback_acts = [
        ("", "", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        ("", "Topic", "UPDATE_IN_PROGRESS", ""),
        ("", "Topic", "UPDATE_FAILED", "still no way back"),
        ("", "", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Topic]. "),
    ]
    asked = request_continue(user=operator, environment=found, skip=[], reason="", request_key=uuid.uuid4())

    ended = run(asked, aws)

    assert ended.state == State.FAILED
    assert "still no way back" in reason(ended)
    assert fresh(deployed).skipped == []


def test_resources_that_are_no_longer_stuck_are_not_skipped(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    found = stuck(deployed, aws)
    asked = request_continue(
        user=operator, environment=found, skip=["Topic"], reason="", request_key=uuid.uuid4()
    )
    stack = aws.stacks[deployed.stack_id]
    stack.resources["Topic"] = (stack.resources["Topic"][0], "UPDATE_COMPLETE")

    ended = run(asked, aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "SkipListChanged")
    assert CONTINUE not in aws.calls


@pytest.mark.parametrize(("status", "is_deleted"), [("UPDATE_IN_PROGRESS", False), ("CREATE_COMPLETE", True)])
def test_a_stack_that_cloudformation_would_not_delete_is_not_asked_to(
    deployed: Environment, aws: FakeAws, operator: User, status: str, is_deleted: bool
) -> None:
    aws.stacks[deployed.stack_id].status = status
    asked = request_deletion(
        user=operator,
        environment=deployed,
        typed_name=deployed.name,
        reason="",
        request_key=uuid.uuid4(),
        unprotect=True,
    )

    ended = run(asked, aws)

    assert (ended.state == State.SUCCEEDED) is is_deleted, reason(ended)
    assert ("cloudformation:DeleteStack" in aws.calls) is is_deleted
    assert (ended.error_code == "NotDeletable") is not is_deleted
