"""Nested change sets that the sandbox rejects as AWS does: a creation and a change continue without them.

The worker is killed before and after every call that concerns change sets.
"""

from __future__ import annotations

import pytest

from deployments.changes.commands.apply import apply_change
from deployments.cloudformation.changes import Changes
from deployments.common.errors import UserFixable
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    replace_worker,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_change import change, change_sets, display_name, operator
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing
from tests.message_texts import reason
from tests.running import Portal
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

ABOUT_CHANGE_SETS = ("CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet")
ROOT = """
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: first}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
  Notes:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/notes.yaml
      Parameters: {Topic: !GetAtt Inner.Outputs.Topic}
Outputs:
  Topic: {Value: !GetAtt Inner.Outputs.Topic}
"""
INNER = """
Parameters:
  Title: {Type: String}
Resources:
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
Outputs:
  Topic: {Value: !Ref Named}
"""
NOTES = """
Parameters:
  Topic: {Type: String, AllowedPattern: "arn:[^:]+:sns:.+"}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Note: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Topic}}
"""


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER, "notes.yaml": NOTES}


def apply_shown(deployments: list[Deployment]) -> None:
    """Apply every preview that is available, with the name typed."""
    keys = [one.pk for one in deployments]
    for row in Deployment.objects.for_page().filter(pk__in=keys, state=str(State.PREVIEW)):
        try:
            apply_change(
                user=operator(),
                deployment=row,
                digest=row.preview_digest,
                typed_name=row.environment.name,
            )
        except UserFixable:  # the state has just changed
            continue


def applied(portal: Portal, *deployments: Deployment) -> list[Deployment]:
    """Apply the previews when they are available, wait until the deployments have ended, and return them."""
    rows = Deployment.objects.active().filter(pk__in=[one.pk for one in deployments])

    def have_ended() -> bool:
        apply_shown(list(deployments))
        return not rows.exists()

    wait_until(have_ended, seconds=240, what="the end of the changes")
    return portal.wait_for_end(*deployments)


def refusals(deployment: Deployment) -> int:
    return Event.objects.of(deployment).filter(code="change_set.root_only").count()


def test_an_environment_is_created_and_changed_without_nested_change_sets(
    portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(portal.deploy())

    assert created.state == State.SUCCEEDED, reason(created)
    assert refusals(created) == 1
    assert root_stacks(created, sandbox) == ["CREATE_COMPLETE"]
    rows = Resource.objects.of_deployment(created)
    assert set(rows.values_list("logical_id", "status")) == {
        (name, "CREATE_COMPLETE") for name in ("Inner", "Notes", "Named", "Queue", "Note")
    }
    assert_complete_log(created, sandbox)

    (changed,) = applied(portal, change(created, Title="second"))

    assert changed.state == State.SUCCEEDED, reason(changed)
    changes = Changes.from_json(changed.changes)
    assert "must match pattern" in changes.root_only_reason
    assert {one.path for one in changes.resources} == {"Inner", "Notes"}
    assert display_name(changed, "Topic", sandbox) == "second"
    assert_complete_log(changed, sandbox)
    assert not {"AVAILABLE", "UNAVAILABLE"} & set(change_sets(changed, sandbox))


def test_by_the_other_reading_nothing_is_refused(portal: Portal, sandbox: Sandbox) -> None:
    account = unobserved_account()
    readings = {"patterns_match_placeholders": False}
    sandbox.control("POST", "readings", readings, account=account.sandbox_account_id)

    (created,) = portal.wait_for_end(portal.deploy(account=account))

    assert created.state == State.SUCCEEDED, reason(created)
    assert refusals(created) == 0


@pytest.mark.parametrize("kind", ["create", "update"])
def test_the_second_attempt_survives_the_death_of_its_worker_at_every_call(
    portal: Portal, sandbox: Sandbox, kind: str
) -> None:
    control = portal.deploy()
    portal.wait_for_end(control)
    calls = calls_of(sandbox, control.environment.account)
    if kind == "update":
        stop_observing(control)
        before = len(calls_of(sandbox, control.environment.account))
        applied(portal, change(control, Title="second"))
        calls = calls_of(sandbox, control.environment.account, since=before)
    points: list[Point] = points_of([one for one in calls if one["action"] in ABOUT_CHANGE_SETS])
    assert {"CreateChangeSet", "ExecuteChangeSet"} <= {action for _, action, _, _ in points}

    for batch in batches(sampled(points)):
        accounts: list[Account] = [unobserved_account() for _ in batch]
        made: list[Deployment] = []
        if kind == "update":
            made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
            stop_observing(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        if kind == "update":
            running = [change(one, Title="second") for one in made]
        else:
            running = [portal.deploy(account=account) for account in accounts]
        wanted = {account.sandbox_account_id for account in accounts}

        def are_held(wanted: set[str] = wanted, running: list[Deployment] = running) -> bool:
            apply_shown(running)
            return wanted <= {request["account"] for request in portal.held()}

        wait_until(are_held, seconds=180, what="a held call of every account")
        replace_worker(portal)

        for point, ended in zip(batch, applied(portal, *running), strict=True):
            assert ended.state == State.SUCCEEDED, (point, reason(ended))
            assert ended.revision == 0, point
            assert refusals(ended) == 1, point
            assert len(root_stacks(ended, sandbox)) == 1, point
            assert_complete_log(ended, sandbox)
