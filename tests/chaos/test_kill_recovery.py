"""A failed rollback that is continued, with or without skipping the stuck resources.

In a portal of real processes, and with `kill -9` of the worker before and after every AWS call.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.apply import apply_change
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.recovering import request_continue
from deployments.stacks.models.events import Event
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_change import applied, change, operator
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing
from tests.message_texts import reason
from tests.running import Portal
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Inner:
    Type: AWS::CloudFormation::Stack
    DependsOn: Topic
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
Outputs:
  Topic: {Value: !Ref Topic}
"""
INNER = """
Parameters:
  Title: {Type: String}
Resources:
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Last: {Type: AWS::SNS::Topic, DependsOn: Named, Properties: {DisplayName: !Ref Title}}
"""


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def fail(sandbox: Sandbox, account: Account, **resources: str) -> None:
    sandbox.control("POST", "faults", {"resources": resources}, account=account.sandbox_account_id)


def heal(sandbox: Sandbox, account: Account) -> None:
    sandbox.control("DELETE", "faults", account=account.sandbox_account_id)


def environment_of(deployment: Deployment) -> Environment:
    return Environment.objects.for_page().get(pk=deployment.environment_id)


def observe_now(*deployments: Deployment) -> None:
    """Let the stacks be observed at once."""
    keys = [one.environment_id for one in deployments]
    Environment.objects.filter(pk__in=keys).update(due_at=timezone.now())


def observed(deployment: Deployment, is_seen: Callable[[Environment], object]) -> Environment:
    """Observe the environment's stack until `is_seen` is true, and return the environment."""
    observe_now(deployment)
    wait_until(lambda: bool(is_seen(environment_of(deployment))), seconds=120, what="the observation")
    return environment_of(deployment)


def stuck(deployment: Deployment) -> Environment:
    return observed(deployment, lambda one: one.stuck_resources)


def go_on(environment: Environment, *skip: str) -> Deployment:
    return request_continue(
        user=operator(), environment=environment, skip=skip, reason="", request_key=uuid.uuid4()
    )


def roll_back_badly(portal: Portal, sandbox: Sandbox, *created: Deployment) -> list[Deployment]:
    """Change environments so that the nested stack fails, and so does its rollback."""
    for one in created:
        fail(
            sandbox, one.environment.account, **{"update:Last": "no more", "rollback:Named": "cannot go back"}
        )
    ended = applied(portal, *[change(one, Title="second") for one in created])
    assert {one.state for one in ended} == {State.FAILED}
    assert {environment_of(one).stack_status for one in ended} == {"UPDATE_ROLLBACK_FAILED"}
    return ended


def test_a_failed_rollback_goes_on_with_or_without_what_is_stuck(portal: Portal, sandbox: Sandbox) -> None:
    (created,) = portal.wait_for_end(portal.deploy())
    account = created.environment.account
    (failed,) = roll_back_badly(portal, sandbox, created)
    found = stuck(failed)
    (one,) = found.stuck_resources or []
    assert (one.key, one.skip_name) == ("Inner/Named", f"{one.stack_name}.Named")
    assert "cannot go back" in one.reason

    (again,) = portal.wait_for_end(go_on(found))  # the cause is still there
    assert again.state == State.FAILED, reason(again)
    assert "cannot go back" in reason(again)
    assert_complete_log(again, sandbox)
    assert environment_of(again).skipped == []

    with pytest.raises(UserFixable) as refused:
        go_on(stuck(again), "Topic")
    assert refused.value.message.code is Code.NOT_STUCK

    (ended,) = portal.wait_for_end(go_on(stuck(again), "Inner/Named"))
    assert ended.state == State.SUCCEEDED, reason(ended)
    assert_complete_log(ended, sandbox)
    usable = environment_of(ended)
    assert usable.stack_status == "UPDATE_ROLLBACK_COMPLETE"
    assert [one.key for one in usable.skipped_resources] == ["Inner/Named"]
    heal(sandbox, account)

    preview = change(created, Title="third")
    (third,) = applied(portal, preview)  # updates the skipped resource, so no confirmation is required
    assert third.state == State.SUCCEEDED, reason(third)
    assert environment_of(third).skipped == []
    assert not AuditRecord.objects.filter(details__has_key="in_line").exists()


def test_skipped_resources_that_a_change_does_not_touch_are_confirmed(
    portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(portal.deploy())
    (failed,) = roll_back_badly(portal, sandbox, created)
    (ended,) = portal.wait_for_end(go_on(stuck(failed), "Inner/Named"))
    assert ended.state == State.SUCCEEDED, reason(ended)
    heal(sandbox, created.environment.account)
    gone = [{**environment_of(ended).skipped[0], "path": "", "logical_id": "Elsewhere"}]
    Environment.objects.filter(pk=ended.environment_id).update(skipped=gone)
    preview = change(created, Title="third")
    wait_until(lambda: Deployment.objects.get(pk=preview.pk).state == State.PREVIEW, what="the preview")
    shown = Deployment.objects.for_page().get(pk=preview.pk)

    with pytest.raises(UserFixable) as refused:
        apply_change(user=operator(), deployment=shown, digest=shown.preview_digest)
    assert refused.value.message.code is Code.SKIPPED_NOT_CONFIRMED
    apply_change(user=operator(), deployment=shown, digest=shown.preview_digest, in_line=True)

    (third,) = portal.wait_for_end(shown)
    assert third.state == State.SUCCEEDED, reason(third)
    assert environment_of(third).skipped == []
    record = AuditRecord.objects.filter(action="apply", outcome="requested").first()  # the newest
    assert record
    assert record.details["in_line"] == ["Elsewhere"]


def test_a_continued_rollback_survives_the_death_of_its_worker_at_every_call(
    portal: Portal, sandbox: Sandbox
) -> None:
    (control,) = portal.wait_for_end(portal.deploy())
    (failed,) = roll_back_badly(portal, sandbox, control)
    found = stuck(failed)
    stop_observing(control)
    before = len(calls_of(sandbox, control.environment.account))
    (ended,) = portal.wait_for_end(go_on(found, "Inner/Named"))
    assert ended.state == State.SUCCEEDED, reason(ended)
    points: list[Point] = points_of(calls_of(sandbox, control.environment.account, since=before))
    assert ("cloudformation", "ContinueUpdateRollback", 0, "hold_after") in points

    for batch in batches(sampled(points)):
        accounts = [unobserved_account() for _ in batch]
        made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
        rolled_back = roll_back_badly(portal, sandbox, *made)
        observe_now(*rolled_back)
        ways = [stuck(one) for one in rolled_back]
        stop_observing(*made)
        for account in accounts:
            heal(sandbox, account)
            fail(sandbox, account, **{"rollback:Named": "cannot go back"})
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        requested = [go_on(one, "Inner/Named") for one in ways]
        kill_worker_when_all_calls_are_held(portal, accounts)

        for point, one in zip(batch, portal.wait_for_end(*requested, seconds=180), strict=True):
            assert one.state == State.SUCCEEDED, (point, reason(one))
            assert root_stacks(one, sandbox) == ["UPDATE_ROLLBACK_COMPLETE"], point
            assert continued(one, sandbox) == 1, point
            assert_complete_log(one, sandbox)


def continued(deployment: Deployment, sandbox: Sandbox) -> int:
    """Return how often CloudFormation restarted the rollback of the root stack."""
    rows = Event.objects.of(deployment).filter(stack__path="", status="UPDATE_ROLLBACK_IN_PROGRESS")
    return rows.count()
