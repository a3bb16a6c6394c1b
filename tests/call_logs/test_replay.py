"""The runner replays a creation from its AWS call log to the same end.

A log of the sandbox tests the replay, and proves nothing about AWS.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings

from deployments.call_logs.shared import keep
from deployments.environments.rules.phases import AFTER_STACKS, State
from deployments.stacks.models.stacks import Resource
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests.aws.call_log_files import LogFile, read_all
from tests.aws.recorded_answers import NotRecorded, RecordedAnswers
from tests.aws.replayed import replayed
from tests.chaos.conftest import portal, templates
from tests.message_texts import reason
from tests.running import Portal, new_account
from tests.stepping import template_set

__all__ = ["portal", "template_set", "templates"]

CREATIONS = {
    log.name: log for log in read_all() if log.about.get("kind") == "create" and "state" in log.about
}


@pytest.mark.django_db
@pytest.mark.parametrize("log", CREATIONS.values(), ids=CREATIONS)
def test_a_creation_of_the_folder_ends_as_it_did(
    log: LogFile, template_set: template_files.TemplateSet
) -> None:
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])

    ended = replayed(log, template_set)

    if State(ended.state) in AFTER_STACKS:  # the rest needs observers
        assert log.about["state"] == "succeeded"
    else:
        assert (ended.state, ended.error_code) == (log.about["state"], log.about["error"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("faults", "state"), [({}, "succeeded"), ({"Queue": "The queue is not possible."}, "rolled_back")]
)
def test_a_creation_in_the_sandbox_is_replayed_with_its_resources_and_its_reason(
    portal: Portal, settings: Settings, faults: dict[str, str], state: str
) -> None:
    account = new_account()
    if faults:
        body = {"resources": faults}
        portal.sandbox.control("POST", "faults", body, account=account.sandbox_account_id)
    (ended,) = portal.wait_for_end(portal.deploy(account=account))
    assert ended.state == state
    about, *calls = (json.loads(line) for line in keep.lines_of(ended))
    assert (about["source"], about["state"]) == ("sandbox", state)
    portal.kill()

    log = LogFile(name="", about=about, calls=tuple(calls))
    again = replayed(log, template_files.load(settings.SANSO_TEMPLATE_SET))

    assert (again.state, again.error_code) == (ended.state, ended.error_code)
    assert reason(again).startswith(reason(ended)[:20])
    paths = [
        sorted(Resource.objects.filter(stack__deployment=one).values_list("logical_id", "status"))
        for one in (ended, again)
    ]
    assert paths[0] == paths[1]


def test_answers_follow_the_order_in_which_they_were_given() -> None:
    def call(operation: str, number: int, **parameters: Any) -> dict[str, Any]:
        return {
            "service": "cloudformation",
            "operation": operation,
            "parameters": parameters,
            "status": 200,
            "body": str(number),
        }

    answers = RecordedAnswers(
        [
            call("DescribeStacks", 0, StackName="a"),
            call("DescribeStacks", 1, StackName="b"),
            call("DescribeStackEvents", 2, StackName="a"),
            call("DescribeStacks", 3, StackName="a"),
            call("DescribeStackEvents", 4, StackName="a"),
        ],
        "eu-west-1",
    )

    def asked(operation: str, name: str) -> str:
        return str(answers.next("cloudformation", operation, {"StackName": name})["body"])

    assert asked("DescribeStacks", "a") == "0"
    assert asked("DescribeStacks", "b") == "1"
    assert asked("DescribeStacks", "a") == "3"  # the next one
    assert asked("DescribeStackEvents", "a") == "2"
    assert asked("DescribeStackEvents", "a") == "4"
    assert asked("DescribeStackEvents", "a") == "4"  # nothing new
    with pytest.raises(NotRecorded):
        asked("DeleteStack", "a")
