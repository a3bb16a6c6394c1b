"""Resources that remain in AWS after a failed creation or a deletion, from rows that the runner wrote."""

from __future__ import annotations

from deployments.cloudformation.remaining import Reason
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.remaining import remaining_of
from tests.fakes import FakeAws
from tests.stepping import run

ROLLBACK_THAT_FAILS = [
    ("", "", "CREATE_IN_PROGRESS", "User Initiated"),
    ("", "Network", "CREATE_IN_PROGRESS", ""),
    ("Network", "", "CREATE_IN_PROGRESS", ""),
    ("Network", "Vpc", "CREATE_COMPLETE", ""),
    ("Network", "Subnet", "CREATE_COMPLETE", ""),
    ("Network", "", "CREATE_COMPLETE", ""),
    ("", "Network", "CREATE_COMPLETE", ""),
    ("", "Topic", "CREATE_FAILED", "no"),
    ("", "", "ROLLBACK_IN_PROGRESS", ""),
    ("", "Topic", "DELETE_COMPLETE", ""),
    ("Network", "", "DELETE_IN_PROGRESS", ""),
    ("Network", "Subnet", "DELETE_FAILED", "in use"),
    ("Network", "", "DELETE_FAILED", ""),
    ("", "Network", "DELETE_FAILED", ""),
    ("", "", "ROLLBACK_FAILED", ""),
]


def test_resources_left_by_a_failed_rollback_remain_until_they_are_deleted(
    deployment: Deployment, aws: FakeAws
) -> None:
    aws.create_acts = ROLLBACK_THAT_FAILS

    found = remaining_of(run(deployment, aws))

    assert [(one.path, one.reason) for one in found.of_stacks] == [
        ("Network/Vpc", Reason.NOT_DELETED),
        ("Network/Subnet", Reason.NOT_DELETED),
    ]
    assert found.stack_status == "ROLLBACK_FAILED"


def test_nothing_remains_of_the_stacks_after_a_deletion(removal: Deployment, aws: FakeAws) -> None:
    found = remaining_of(run(removal, aws))

    assert found.of_stacks == ()
    assert found.stack_status == ""


def test_nothing_remains_of_a_creation_that_succeeded(deployment: Deployment, aws: FakeAws) -> None:
    found = remaining_of(run(deployment, aws))

    assert found.resources == ()
    assert found.billed == ()
