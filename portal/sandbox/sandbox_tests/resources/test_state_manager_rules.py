"""State Manager's limits, each with its source, and the errors of templates that exceed them.

CloudFormation's schema of the type: aws-ssm-association.json in
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-ssm; its wait for success:
InProgressCreateHandler.java there. The API:
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateAssociation.html
"""

from __future__ import annotations

import textwrap

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import failure, made
from sandbox_tests.resources.state_manager import Manager

ASSOCIATION = """
Resources:
  Configure:
    Type: AWS::SSM::Association
    Properties:
      Name: AWS-RunShellScript
      Parameters: {commands: ["true"]}
      Targets: [{Key: tag:Server, Values: [App]}]
"""


def template(*lines: str) -> str:
    """Return the association with more properties, which replace its targets if they contain targets."""
    text = ASSOCIATION
    if any(line.startswith("Targets:") for line in lines):
        text = text.replace("      Targets: [{Key: tag:Server, Values: [App]}]\n", "")
    return text + textwrap.indent("\n".join(lines), " " * 6) + "\n"


@pytest.mark.parametrize(
    ("line", "constraint"),
    [
        (
            "WaitForSuccessTimeoutSeconds: 14",
            "#/WaitForSuccessTimeoutSeconds: failed validation constraint for keyword [minimum]",
        ),
        (
            "WaitForSuccessTimeoutSeconds: 172801",
            "#/WaitForSuccessTimeoutSeconds: failed validation constraint for keyword [maximum]",
        ),
        # a stack name of 104 characters in the templates before 2026-11-27
        (
            f"AssociationName: {'a' * 104}-app-servers-aws-document",
            "#/AssociationName: failed validation constraint for keyword [pattern]",
        ),
        (
            "AssociationName: no spaces",
            "#/AssociationName: failed validation constraint for keyword [pattern]",
        ),
        ("MaxConcurrency: 0%", "#/MaxConcurrency: failed validation constraint for keyword [pattern]"),
        ("MaxErrors: none", "#/MaxErrors: failed validation constraint for keyword [pattern]"),
        (
            f"Targets: [{', '.join(f'{{Key: tag:T{n}, Values: [a]}}' for n in range(6))}]",
            "#/Targets: failed validation constraint for keyword [maxItems]",
        ),
        (
            f"Targets: [{{Key: tag:Server, Values: [{', '.join(f's{n}' for n in range(51))}]}}]",
            "#/Targets: failed validation constraint for keyword [maxItems]",
        ),
        ("ScheduleExpression: rate(10 minutes)", "The minimum rate is 30 minutes"),
        ("ScheduleExpression: every now and then", "Invalid schedule expression"),
    ],
)
def test_settings_outside_of_the_limits_fail_the_stack(account: Account, line: str, constraint: str) -> None:

    reason = failure(account, "shell", template(line), "Configure")

    assert constraint in reason


def test_a_rate_cannot_wait_for_its_interval(account: Account) -> None:
    """ApplyOnlyAtCronInterval "isn't supported for rate expressions" (API_CreateAssociation)."""
    rate = template("ScheduleExpression: rate(30 minutes)", "ApplyOnlyAtCronInterval: true")

    assert "only supported for cron" in failure(account, "shell", rate, "Configure")
    made(
        account,
        "cron",
        template('ScheduleExpression: "cron(0 2 ? * SUN *)"', "ApplyOnlyAtCronInterval: true"),
    )


@pytest.mark.parametrize(
    "settings",
    [{"AssociationName": "no spaces"}, {"MaxConcurrency": "0%"}, {"MaxErrors": "a few"}],
)
def test_the_api_refuses_the_same(account: Account, settings: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        account.client("ssm").create_association(
            Name="AWS-RunShellScript", Parameters={"commands": ["true"]}, Targets=[], **settings
        )


def test_an_association_without_a_schedule_never_runs_again_and_one_with_a_rate_does(
    manager: Manager,
) -> None:
    manager.launch(Server="App")
    scheduled = template("AssociationName: scheduled", "ScheduleExpression: rate(30 minutes)")
    for name, text in (("once", template("AssociationName: once")), ("scheduled", scheduled)):
        made(manager.account, name, text)
    listed = manager.ssm.list_associations()["Associations"]
    ids = {one["AssociationName"]: one["AssociationId"] for one in listed}
    for association in ids.values():
        _succeeds(manager, association)

    manager.account.pace(0.01)

    wait_until(lambda: len(manager.executions(ids["scheduled"])) >= 3, what="two runs by schedule")
    assert len(manager.executions(ids["once"])) == 1


def _succeeds(manager: Manager, association: str) -> None:
    wait_until(lambda: manager.status(association) == "Success", what="the first run")


def test_limits_do_not_keep_a_late_node_from_running_until_the_next_interval(manager: Manager) -> None:
    """A node that registers after MaxErrors is reached runs at once (API_CreateAssociation, MaxErrors)."""
    first = manager.launch(Server="App")
    limited = template(
        "AssociationName: limited",
        'MaxErrors: "0"',
        'MaxConcurrency: "1"',
        "ScheduleExpression: rate(30 minutes)",
    )
    manager.fail("limited", [first])
    made(manager.account, "limited", limited)
    (association,) = [one["AssociationId"] for one in manager.ssm.list_associations()["Associations"]]
    wait_until(lambda: manager.status(association) == "Failed", what="a failure on the first node")

    late = manager.launch(Server="App")

    def runs() -> dict[str, str]:
        latest, *_ = manager.executions(association)
        return manager.reached(association, latest["ExecutionId"])

    wait_until(lambda: runs() == {late: "Success"}, what="a run on the late node")


def test_nodes_that_register_together_run_at_once_whatever_the_limits(manager: Manager) -> None:
    made(manager.account, "limited", template("AssociationName: limited", 'MaxConcurrency: "1"'))
    (association,) = [one["AssociationId"] for one in manager.ssm.list_associations()["Associations"]]
    manager.account.pace(0.2)  # a run takes a second
    nodes = {manager.launch(Server="App") for _number in range(3)}

    def running() -> set[str]:
        executions = manager.executions(association)
        runs = [manager.reached(association, one["ExecutionId"]) for one in executions]
        return {node for each in runs for node, status in each.items() if status == "InProgress"}

    wait_until(lambda: running() == nodes, what="runs on all nodes at the same time")


def test_success_may_be_read_before_a_late_node_has_run(manager: Manager) -> None:
    """CREATE_COMPLETE does not mean that all are configured (hashicorp/terraform-provider-aws#31175)."""
    manager.launch(Server="App")
    made(manager.account, "shell", template("AssociationName: late"))
    (association,) = [one["AssociationId"] for one in manager.ssm.list_associations()["Associations"]]
    _succeeds(manager, association)

    manager.account.pace(3)  # a node registers for a second or more
    late = manager.launch(Server="App")

    assert manager.status(association) == "Success"
    assert late not in manager.reached(association, manager.executions(association)[0]["ExecutionId"])
    manager.account.pace(0)
    wait_until(lambda: len(manager.executions(association)) == 2, what="the run on the late node")
