"""Update policies and capacities in templates, by which servers are replaced, as far as they are known."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.cloudformation.conditions import TemplateValues
from deployments.cloudformation.nested_templates import TemplateSide, stacks_of
from deployments.cloudformation.resource_policies import Method, ServerUpdate, server_update
from tests.cloudformation.recorded import recorded

COUNT = {"Ref": "Count"}
ONE = {"Fn::Equals": [COUNT, 1]}


def update(policy: dict[str, Any] | None, count: str | None = "2", **properties: Any) -> ServerUpdate:
    template = {
        "Parameters": {"Count": {"Type": "Number"}},
        "Conditions": {"HasOneServer": ONE},
    }
    body: dict[str, Any] = {"Properties": {"DesiredCapacity": COUNT, **properties}}
    if policy is not None:
        body["UpdatePolicy"] = policy
    return server_update(body, TemplateValues(template, {"Count": count}))


def rolling(**values: Any) -> dict[str, Any]:
    return {"AutoScalingRollingUpdate": values}


IN_SERVICE = {"Fn::If": ["HasOneServer", 0, 1]}


@pytest.mark.parametrize(
    ("policy", "count", "expected"),
    [
        (None, "2", ServerUpdate(method=Method.NONE, capacity=2)),
        (rolling(), "2", ServerUpdate(method=Method.ROLLING, batch=1, in_service=0, capacity=2)),
        (
            rolling(MinInstancesInService=IN_SERVICE, MaxBatchSize="2", WaitOnResourceSignals=True),
            "3",
            ServerUpdate(method=Method.ROLLING, batch=2, in_service=1, capacity=3, waits=True),
        ),
        (
            rolling(MinInstancesInService=IN_SERVICE),
            "1",
            ServerUpdate(method=Method.ROLLING, batch=1, in_service=0, capacity=1),
        ),
        (
            rolling(MinInstancesInService=IN_SERVICE),
            None,
            ServerUpdate(method=Method.ROLLING, batch=1, in_service=None, capacity=None),
        ),
        (
            {"AutoScalingReplacingUpdate": {"WillReplace": "true"}},
            "2",
            ServerUpdate(method=Method.GROUP, capacity=2),
        ),
        (
            {"AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}},
            "2",
            ServerUpdate(method=Method.UNKNOWN, capacity=2),
        ),
        ({"AutoScalingInstanceRefresh": {}}, "2", ServerUpdate(method=Method.UNKNOWN, capacity=2)),
    ],
)
def test_the_policy_of_a_group_is_read(
    policy: dict[str, Any] | None, count: str | None, expected: ServerUpdate
) -> None:
    assert update(policy, count) == expected


def test_one_server_that_is_replaced_leaves_none_in_service() -> None:
    assert update(rolling(MinInstancesInService=IN_SERVICE), "1").interrupts
    assert not update(rolling(MinInstancesInService=IN_SERVICE), "2").interrupts
    assert not update(None, "1").interrupts


def test_an_invalid_template_is_unknown() -> None:
    assert server_update({}, TemplateValues({}, {})).method is Method.UNKNOWN


@pytest.mark.parametrize(("count", "in_service"), [("1", 0), ("3", 1)])
def test_the_bundled_set_replaces_one_server_at_a_time(count: str, in_service: int) -> None:
    after = recorded("scale").after
    values = {**after.values, "AppServerCount": count}
    stack = stacks_of(TemplateSide(templates=after.templates, root=after.root, values=values))["AppServers"]
    found = server_update(stack.resources["AutoScalingGroup"], stack.scope)
    assert (found.batch, found.in_service, found.capacity) == (1, in_service, int(count))
