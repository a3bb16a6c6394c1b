"""A stack that was changed outside of Sanso is taken over.

In a portal of real processes, and with `kill -9` of the worker before and after every AWS call.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest

from deployments.access.models.audit_records import AuditRecord
from deployments.changes.commands.preview import request_change
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.recovery.commands.recovering import request_adoption
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Resource
from tests.chaos.conftest import (
    Point,
    assert_complete_log,
    calls_of,
    hold_call,
    kill_worker_when_all_calls_are_held,
    root_stacks,
    unobserved_account,
)
from tests.chaos.test_kill_change import applied, display_name, operator
from tests.chaos.test_kill_recovery import INNER, ROOT, environment_of, observe_now, observed
from tests.chaos.test_kill_worker import batches, points_of, sampled, stop_observing
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def templates() -> dict[str, str]:
    return {"root.yaml": ROOT, "inner.yaml": INNER}


def changed_outside(sandbox: Sandbox, *environments: Environment) -> list[Environment]:
    """Update the stacks outside of Sanso at once, and return the environments when Sanso has noticed."""
    for one in environments:
        update_outside(one, sandbox)
    for one in environments:
        cloudformation = client(one.account, "cloudformation", sandbox)
        wait_until(partial(is_updated, cloudformation, one.stack_id), what="the update")
    latest = [Deployment.objects.get(environment=one) for one in environments]
    observe_now(*latest)
    return [observed(one, lambda row: row.changed_outside_at) for one in latest]


def is_updated(cloudformation: Any, stack_id: str) -> bool:
    (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    return bool(stack["StackStatus"] == "UPDATE_COMPLETE")


def update_outside(environment: Environment, sandbox: Sandbox) -> None:
    cloudformation = client(environment.account, "cloudformation", sandbox)
    names = cloudformation.describe_stacks(StackName=environment.stack_id)["Stacks"][0]["Parameters"]
    kept = [
        {"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
        for one in names
        if one["ParameterKey"] != "Title"
    ]
    cloudformation.update_stack(
        StackName=environment.stack_id,
        TemplateBody=ROOT.replace("Outputs:", "  Extra: {Type: AWS::SQS::Queue}\nOutputs:"),
        Parameters=[*kept, {"ParameterKey": "Title", "ParameterValue": "outside"}],
    )


def take_over(environment: Environment) -> Deployment:
    return request_adoption(user=operator(), environment=environment, reason="", request_key=uuid.uuid4())


def has_extra(environment: Environment, sandbox: Sandbox) -> bool:
    """Return whether the stack has the resource that was added outside."""
    cloudformation = client(environment.account, "cloudformation", sandbox)
    rows = cloudformation.list_stack_resources(StackName=environment.stack_id)["StackResourceSummaries"]
    return "Extra" in {one["LogicalResourceId"] for one in rows}


def test_a_stack_that_was_changed_outside_is_recognized_and_taken_over(
    portal: Portal, sandbox: Sandbox
) -> None:
    (created,) = portal.wait_for_end(portal.deploy())
    known = observed(created, lambda one: one.known_stack)
    assert known.changed_outside_at is None
    (changed,) = changed_outside(sandbox, known)
    assert changed.parameters["Title"] == "first"

    (ended,) = portal.wait_for_end(take_over(changed))
    assert ended.state == State.SUCCEEDED, reason(ended)
    after = environment_of(ended)
    assert (after.parameters["Title"], after.changed_outside_at) == ("outside", None)
    assert ended.template_digest != created.template_digest
    assert AuditRecord.objects.filter(action="take_over", outcome="requested").count() == 1

    following = request_change(
        user=operator(),
        environment=after,
        parameters=after.parameters,
        reason="",
        request_key=uuid.uuid4(),
        current_set=False,
    )
    (last,) = applied(portal, following)
    assert last.state == State.SUCCEEDED, reason(last)
    assert display_name(last, "Topic", sandbox) == "outside"  # nothing is undone
    assert has_extra(after, sandbox)


def test_taking_over_survives_the_death_of_its_worker_at_every_call(portal: Portal, sandbox: Sandbox) -> None:
    (control,) = portal.wait_for_end(portal.deploy())
    (found,) = changed_outside(sandbox, observed(control, lambda one: one.known_stack))
    stop_observing(control)
    before = len(calls_of(sandbox, control.environment.account))
    (ended,) = portal.wait_for_end(take_over(found))
    assert ended.state == State.SUCCEEDED, reason(ended)
    calls = calls_of(sandbox, control.environment.account, since=before)
    points: list[Point] = points_of(calls, with_reads=True)
    called = {action for service, action, _, _ in points if service == "cloudformation"}
    assert {"DescribeStacks", "GetTemplate", "ListStackResources"} <= called
    assert all(action.startswith(("Describe", "Get", "List")) for action in called)  # nothing is changed

    for batch in batches(sampled(points)):
        accounts = [unobserved_account() for _ in batch]
        made = portal.wait_for_end(*[portal.deploy(account=account) for account in accounts])
        observe_now(*made)
        known = [observed(one, lambda row: row.known_stack) for one in made]
        changed = changed_outside(sandbox, *known)
        stop_observing(*made)
        for account, point in zip(accounts, batch, strict=True):
            hold_call(portal, account, point)
        requested = [take_over(one) for one in changed]
        kill_worker_when_all_calls_are_held(portal, accounts)

        for point, one in zip(batch, portal.wait_for_end(*requested, seconds=180), strict=True):
            assert one.state == State.SUCCEEDED, (point, reason(one))
            after = environment_of(one)
            assert (after.parameters["Title"], after.changed_outside_at) == ("outside", None), point
            assert Event.objects.of(one).filter(code="take_over.done").count() == 1, point
            assert rows_of(one) == rows_of(ended), point
            assert root_stacks(one, sandbox) == ["UPDATE_COMPLETE"], point
            assert_complete_log(one, sandbox)


def rows_of(deployment: Deployment) -> list[tuple[str, str]]:
    """Return the path and the logical ID of every resource that a deployment has stored."""
    rows = Resource.objects.filter(stack__deployment=deployment)
    return sorted(rows.values_list("stack__path", "logical_id"))
