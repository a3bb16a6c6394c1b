"""A change of an environment from its request to its end, in an in-memory account."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change, discard_change, preview_again
from deployments.changes.commands.preview import request_change, request_rollback
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.delete import request_deletion
from deployments.stacks.models import timeline
from deployments.stacks.models.durations import Duration
from deployments.stacks.models.events import Event
from deployments.stacks.models.past_state import as_of
from deployments.stacks.models.stacks import Resource, Stack
from deployments.stacks.rules.progress import percent_of_time
from deployments.stacks.steps import progress
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.builders import make_operator, make_user
from tests.fakes import FakeAws, lost_answer
from tests.message_texts import reason
from tests.stepping import run, take_step

pytestmark = pytest.mark.core

MUTATIONS = ["cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"]


@pytest.fixture
def operator(db: None) -> User:
    """A user who may change environments."""
    return make_operator("operator")


@pytest.fixture
def deployed(deployment: Deployment, aws: FakeAws, template_set: template_files.TemplateSet) -> Environment:
    """An environment that has been created."""
    stored_sets.keep(template_set)
    ended = run(deployment, aws)
    assert ended.state == State.SUCCEEDED
    Environment.objects.update(parameters=ended.parameters)
    return fresh(ended.environment)


def fresh(environment: Environment) -> Environment:
    return Environment.objects.for_page().get(pk=environment.pk)


def change(environment: Environment, user: User, size: str = "3", **values: Any) -> Deployment:
    given: dict[str, Any] = {"parameters": {"Size": size}, "reason": "", "request_key": uuid.uuid4()}
    return request_change(user=user, environment=fresh(environment), **(given | values))


def previewed(deployment: Deployment, aws: FakeAws) -> Deployment:
    return run(deployment, aws, until=lambda d: d.state == State.PREVIEW)


def apply(deployment: Deployment, user: User) -> Deployment:
    return apply_change(user=user, deployment=deployment, digest=deployment.preview_digest)


def codes(deployment: Deployment) -> list[str]:
    return list(Event.objects.of(deployment).filter(source="portal").values_list("code", flat=True))


def test_a_preview_changes_nothing_until_it_is_applied(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)

    assert [one["path"] for one in shown.changes["resources"]] == ["Topic"]
    assert "cloudformation:ExecuteChangeSet" in aws.calls
    assert aws.calls.count("cloudformation:ExecuteChangeSet") == 1  # only the creation's
    assert fresh(deployed).latest_id != shown.pk
    assert fresh(deployed).active_deployment is None


def test_an_applied_change_ends_ready_with_its_own_events_only(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    apply(shown, operator)

    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert fresh(deployed).latest_id == ended.pk
    assert fresh(deployed).parameters["Size"] == "3"
    assert set(Resource.objects.filter(stack__deployment=ended).values_list("logical_id", "status")) == {
        ("Topic", "UPDATE_COMPLETE")
    }
    own = Event.objects.of(ended).filter(source="cloudformation")
    assert own.count() == len(aws.update_acts)
    assert aws.requests[-1].parameters["Size"] == "3"


@pytest.mark.parametrize("operation", MUTATIONS)
def test_a_call_whose_response_was_lost_takes_effect_once(
    deployed: Environment, aws: FakeAws, operator: User, operation: str
) -> None:
    requested = change(deployed, operator)
    aws.fail(operation, lost_answer(operation), lost_answer(operation), after=True)
    shown = previewed(requested, aws)
    apply(shown, operator)

    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert ended.revision == 0


def test_without_changes_it_succeeds_and_says_so(deployed: Environment, aws: FakeAws, operator: User) -> None:
    ended = run(change(deployed, operator, size="2"), aws)

    assert ended.state == State.SUCCEEDED
    assert ended.changed_nothing
    assert "change.nothing" in codes(ended)
    assert fresh(deployed).latest_id != ended.pk
    assert not any(one.status == "FAILED" for one in aws.change_sets.values())


def test_a_discarded_preview_leaves_no_change_set(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    discard_change(user=operator, deployment=shown)

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code, ended.canceled_by) == (State.CANCELED, "discarded", operator)
    assert shown.change_set_id not in aws.change_sets


def test_a_forgotten_preview_expires(deployed: Environment, aws: FakeAws, operator: User) -> None:
    shown = previewed(change(deployed, operator), aws)
    take_step(shown, aws)
    assert Deployment.objects.get(pk=shown.pk).state == State.PREVIEW
    Deployment.objects.filter(pk=shown.pk).update(phase_at=timezone.now() - timedelta(days=8))

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "expired")
    assert shown.change_set_id not in aws.change_sets


def test_a_preview_of_a_stack_that_changed_since_is_computed_again(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    aws.stacks[deployed.stack_id].updated = "2030-01-01T00:00:00+00:00"  # changed by somebody else
    apply(shown, operator)

    again = previewed(shown, aws)

    assert again.revision == 1
    assert "change.out_of_date" in codes(again)
    assert (again.applied_at, again.active_key) == (None, None)
    assert again.preview_digest != shown.preview_digest
    with pytest.raises(UserFixable, match="PreviewOutOfDate"):
        apply(shown, operator)
    apply(again, operator)
    assert run(again, aws).state == State.SUCCEEDED


def test_two_changes_are_applied_one_after_the_other_and_the_second_is_previewed_again(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    first = previewed(change(deployed, operator), aws)
    second = previewed(change(deployed, operator, size="4"), aws)
    apply(second, operator)
    apply(first, operator)
    take_step(first, aws)

    waiting = Deployment.objects.get(pk=first.pk)
    assert (waiting.state, waiting.active_key) == (State.QUEUED, None)
    assert run(second, aws).state == State.SUCCEEDED
    again = previewed(first, aws)
    assert again.revision == 1
    assert fresh(deployed).parameters["Size"] == "4"


def test_a_queued_change_ends_with_its_environment(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    removal = request_deletion(
        user=operator,
        environment=fresh(deployed),
        typed_name=deployed.name,
        reason="",
        request_key=uuid.uuid4(),
    )
    apply(shown, operator)
    assert run(removal, aws).state == State.SUCCEEDED

    ended = run(shown, aws)

    assert (ended.state, ended.cancel_code) == (State.CANCELED, "environment_deleted")


def test_a_change_that_was_applied_cannot_be_discarded(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    apply(shown, operator)

    with pytest.raises(UserFixable, match="AlreadyApplied"):
        discard_change(user=operator, deployment=shown)


def test_a_new_preview_can_be_requested(deployed: Environment, aws: FakeAws, operator: User) -> None:
    shown = previewed(change(deployed, operator), aws)
    preview_again(user=operator, deployment=shown)

    again = previewed(shown, aws)

    assert again.revision == 1
    assert shown.change_set_id not in aws.change_sets


def test_the_environment_goes_back_to_an_earlier_deployment_although_the_set_has_changed(
    deployed: Environment, deployment: Deployment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    apply(shown, operator)
    run(shown, aws)
    root = template_files.load(stored_sets.of_deployment(deployment).folder).root
    root.write_text(root.read_text() + "  Queue: {Type: AWS::SQS::Queue}\n")

    back = request_rollback(
        user=operator,
        deployment=Deployment.objects.for_page().get(pk=deployment.pk),
        reason="",
        request_key=uuid.uuid4(),
    )
    shown = previewed(back, aws)
    apply(shown, operator)
    ended = run(shown, aws)

    assert (ended.state, reason(ended)) == (State.SUCCEEDED, "")
    assert ended.template_digest == deployment.template_digest
    assert fresh(deployed).parameters["Size"] == "2"


def test_a_deployment_whose_set_was_not_kept_cannot_be_gone_back_to(
    deployed: Environment, deployment: Deployment, operator: User
) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(template_digest="0" * 64)

    with pytest.raises(UserFixable, match="TemplateSetNotStored"):
        request_rollback(
            user=operator,
            deployment=Deployment.objects.for_page().get(pk=deployment.pk),
            reason="",
            request_key=uuid.uuid4(),
        )


def test_requests_and_refusals_are_recorded(deployed: Environment, operator: User) -> None:
    stranger = make_user("stranger")
    with pytest.raises(PermissionDenied):
        change(deployed, stranger)
    requested = change(deployed, operator, reason="more load")

    refused, recorded = AuditRecord.objects.order_by("pk")
    assert (refused.user, refused.outcome, refused.permission) == (
        stranger, "refused", "deployments.change_environment",
    )  # fmt: skip
    assert (recorded.user, recorded.outcome, recorded.reason) == (operator, "requested", "more load")
    assert (recorded.deployment, recorded.name) == (requested, deployed.name)
    with pytest.raises(TypeError):
        recorded.save()


def test_stacks_that_do_not_change_bring_no_events_of_earlier_deployments(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    aws.update_acts[1:1] = [
        ("", "Network", "UPDATE_IN_PROGRESS", ""),
        ("Network", "", "UPDATE_IN_PROGRESS", ""),
        ("Network", "", "UPDATE_COMPLETE", ""),
        ("", "Network", "UPDATE_COMPLETE", ""),
    ]
    shown = previewed(change(deployed, operator), aws)
    apply(shown, operator)

    ended = run(shown, aws)

    assert Event.objects.of(ended).filter(source="cloudformation").count() == len(aws.update_acts)
    assert set(Stack.objects.of(ended).values_list("path", "status")) == {
        ("", "UPDATE_COMPLETE"), ("Network", "UPDATE_COMPLETE"),
    }  # fmt: skip


def test_a_set_with_lint_errors_ends_the_change_and_not_the_environment(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    finding = {"level": "Error", "rule": "E3012", "file": "root.yaml", "line": "4", "message": "is not a"}
    TemplateCheck.objects.update(findings=[finding])

    ended = run(change(deployed, operator), aws)

    assert (ended.state, ended.error_code) == (State.FAILED, "TemplateSetHasErrors")
    assert fresh(deployed).latest_id != ended.pk


@pytest.fixture
def _computed_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    monkeypatch.setattr(progress, "COST_FACTOR", 0)
    progress.clear()


@pytest.mark.usefixtures("_computed_in_every_step")
def test_a_preview_that_waited_for_an_hour_begins_at_no_percentage(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Deployment.objects.filter(pk=shown.pk).update(created_at=an_hour_ago)
    again = previewed(preview_again(user=operator, deployment=shown), aws)  # its steps compute percentages
    assert again.progress == 0

    apply(again, operator)
    Deployment.objects.filter(pk=again.pk).update(applied_at=an_hour_ago)  # and waited in the queue
    begun = run(again, aws, until=lambda d: d.state == State.STACKS)
    found = timeline.load(begun)

    assert found.forecast is not None
    assert percent_of_time(found.began, found.now, found.forecast.end) < 20
    assert begun.progress < 20
    assert run(again, aws).state == State.SUCCEEDED


def test_the_time_that_a_preview_waited_is_not_part_of_the_change(
    deployed: Environment, aws: FakeAws, operator: User
) -> None:
    shown = previewed(change(deployed, operator), aws)
    Deployment.objects.filter(pk=shown.pk).update(created_at=timezone.now() - timedelta(days=2))
    apply(shown, operator)
    ended = run(shown, aws)

    found = timeline.load(ended)

    assert found.now - found.start < 3_600_000  # milliseconds
    assert "@preview" not in found.lines
    assert "Topic" in found.lines
    learned = set(Duration.objects.filter(deployment=ended).values_list("path", flat=True))
    assert "Topic" in learned
    assert not {"@preview", "@preflight", "@change_set"} & learned
    for seq in (1, ended.last_seq // 2, ended.last_seq):  # a replay includes the wait
        then = as_of(ended, seq)
        replayed = timeline.load(then.deployment, stacks=then.stacks, landmarks=then.landmarks, now=then.now)
        assert replayed.lines
