"""Associations: their targets, the status of their runs, and CloudFormation's wait for success."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import changed, made
from sandbox_tests.resources.state_manager import SHELL, Manager


def test_an_association_runs_where_all_its_targets_match_and_tells_how_it_went(manager: Manager) -> None:
    matching = {manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="production")}
    manager.launch(Server="App", Stage="staging")
    manager.launch(Server="Web", Stage="test")
    outputs = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))
    assert outputs["Id"] == outputs["Same"]
    described = manager.describe(outputs["Id"])
    assert described["AssociationName"] == "configure-servers"
    assert described["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {"Success": 2},
    }
    assert described["Parameters"] == {"commands": ["echo one", "echo two"]}
    assert described["LastSuccessfulExecutionDate"]
    (execution,) = manager.executions(outputs["Id"])
    assert (execution["Status"], execution["ResourceCountByStatus"]) == ("Success", "{Success=2}")
    assert manager.reached(outputs["Id"], execution["ExecutionId"]) == dict.fromkeys(matching, "Success")
    (listed,) = manager.ssm.list_associations(
        AssociationFilterList=[{"key": "AssociationName", "value": "configure-servers"}]
    )["Associations"]
    assert listed["AssociationId"] == outputs["Id"]
    assert listed["Overview"]["Status"] == "Success"


def test_output_is_written_where_the_agent_writes_it(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    association = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))["Id"]
    (key,) = manager.written()
    time = r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3}Z"
    step = r"awsrunShellScript/0\.awsrunShellScript/stdout"
    assert re.fullmatch(rf"logs/app/{instance}/{association}/{time}/{step}", key)
    text = manager.account.client("s3").get_object(Bucket=manager.bucket, Key=key)["Body"].read().decode()
    assert "Simulated" in text
    assert "$ echo one\n$ echo two\n" in text
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=instance)[
        "InstanceAssociationStatusInfos"
    ]
    assert status["OutputUrl"]["S3OutputUrl"]["OutputUrl"].endswith(key)
    assert status["ExecutionSummary"].startswith("1 out of 1 plugin processed, 1 success, 0 failed")


def test_a_stack_waits_until_every_instance_has_succeeded(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    manager.account.pace(0.2)
    stack = manager.account.start(
        "shell", SHELL, Parameters=[{"ParameterKey": "Bucket", "ParameterValue": manager.bucket}]
    )

    def pending() -> bool:
        found = manager.ssm.list_associations()["Associations"]
        return bool(found) and found[0]["Overview"]["DetailedStatus"] == "InProgress"

    wait_until(pending, what="a run in progress")
    assert manager.ssm.list_associations()["Associations"][0]["Overview"]["Status"] == "Pending"
    assert manager.account.status(stack) == "CREATE_IN_PROGRESS"
    manager.account.reaches(stack, "CREATE_COMPLETE")


def test_one_failed_instance_fails_the_stack_in_awss_words(manager: Manager) -> None:
    good, bad = manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="test")
    manager.fail("configure-servers", [bad])
    stack = manager.account.create(
        "shell",
        SHELL,
        DisableRollback=True,
        Parameters=[{"ParameterKey": "Bucket", "ParameterValue": manager.bucket}],
    )
    reasons = [line for line in manager.account.story(stack, of="Configure") if "CREATE_FAILED" in line]
    (association,) = [one["AssociationId"] for one in manager.ssm.list_associations()["Associations"]]
    assert (
        f"Resource of type 'AWS::SSM::Association' with identifier '{association}' did not stabilize."
        in (reasons[0])
    )
    assert "NotStabilized" in reasons[0]
    overview = manager.describe(association)["Overview"]
    assert overview["Status"] == "Failed"
    assert overview["AssociationStatusAggregatedCount"] == {"Success": 1, "Failed": 1}
    (status,) = manager.ssm.describe_instance_associations_status(InstanceId=bad)[
        "InstanceAssociationStatusInfos"
    ]
    assert (status["Status"], status["ErrorCode"]) == ("Failed", "ExecutionError")
    assert "The operation aws:runShellScript failed because" in status["ExecutionSummary"]
    errors = [key for key in manager.written() if key.endswith("/stderr")]
    assert [f"/{bad}/" in key for key in errors] == [True]
    assert not any(f"/{good}/" in key for key in errors)

    manager.fail("configure-servers", None)
    manager.ssm.start_associations_once(AssociationIds=[association])
    wait_until(lambda: manager.status(association) == "Success", what="a second run")
    assert [one["Status"] for one in manager.executions(association)] == ["Success", "Failed"]


def test_an_association_that_fails_on_one_instance_fails_on_no_other_that_arrives_later(
    manager: Manager,
) -> None:
    manager.fail("configure-servers", 1)
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    first = manager.launch(Server="App", Stage="test")
    wait_until(lambda: manager.status(association) == "Failed", what="a failure on the first instance")
    instances = [first]
    while min(instances) == first and len(instances) < 9:  # until a random id sorts before the first
        instances.append(manager.launch(Server="App", Stage="test"))

    def outcomes() -> dict[str, str]:
        latest, *_ = manager.executions(association)
        return manager.reached(association, latest["ExecutionId"])

    manager.ssm.start_associations_once(AssociationIds=[association])

    only_the_first = dict.fromkeys(instances, "Success") | {first: "Failed"}
    wait_until(lambda: outcomes() == only_the_first, what="a failure on the first instance alone")


def test_an_association_can_be_refreshed_on_one_instance_alone(manager: Manager) -> None:
    good, bad = manager.launch(Server="App", Stage="test"), manager.launch(Server="App", Stage="test")
    manager.fail("configure-servers", [bad])
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    wait_until(lambda: manager.status(association) == "Failed", what="a run that failed on one instance")

    manager.fail("configure-servers", None)
    manager.ssm.send_command(
        DocumentName="AWS-RefreshAssociation",
        InstanceIds=[bad],
        Parameters={"associationIds": [association]},
    )
    wait_until(lambda: manager.status(association) == "Success", what="success where it had failed")

    latest, earliest = manager.executions(association)
    assert set(manager.reached(association, latest["ExecutionId"])) == {bad}
    assert set(manager.reached(association, earliest["ExecutionId"])) == {good, bad}


def test_without_an_instance_the_association_is_pending_until_one_arrives(manager: Manager) -> None:
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket, Wait="0")
    association = manager.account.outputs(stack)["Id"]
    assert manager.status(association) == "Pending"
    assert manager.executions(association) == []
    first = manager.launch(Server="App", Stage="test")
    wait_until(lambda: manager.status(association) == "Success", what="a run on the first instance")
    second = manager.launch(Server="App", Stage="production")
    wait_until(lambda: len(manager.executions(association)) == 2, what="a run on the second instance")
    wait_until(lambda: manager.status(association) == "Success", what="success on both")
    latest, earliest = manager.executions(association)
    assert set(manager.reached(association, latest["ExecutionId"])) == {second}
    assert set(manager.reached(association, earliest["ExecutionId"])) == {first}


def test_a_changed_association_is_a_new_version_and_runs_again(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    stack = made(manager.account, "shell", SHELL, Bucket=manager.bucket)
    association = manager.account.outputs(stack)["Id"]
    changed(manager.account, stack, SHELL, Bucket=manager.bucket, Command="echo changed")
    assert manager.account.outputs(stack)["Id"] == association
    described = manager.describe(association)
    assert described["AssociationVersion"] == "2"
    assert described["Parameters"]["commands"][0] == "echo changed"
    versions = manager.ssm.list_association_versions(AssociationId=association)["AssociationVersions"]
    assert [(one["AssociationVersion"], one["Parameters"]["commands"][0]) for one in versions] == [
        ("2", "echo changed"),
        ("1", "echo one"),
    ]
    assert [one["AssociationVersion"] for one in manager.executions(association)] == ["2", "1"]


def test_an_instance_tells_which_associations_are_meant_for_it(manager: Manager) -> None:
    instance = manager.launch(Server="App", Stage="test")
    other = manager.launch(Server="Web", Stage="test")
    association = manager.account.outputs(made(manager.account, "shell", SHELL, Bucket=manager.bucket))["Id"]
    effective = manager.ssm.describe_effective_instance_associations(InstanceId=instance)["Associations"]
    assert [one["AssociationId"] for one in effective] == [association]
    assert manager.ssm.describe_effective_instance_associations(InstanceId=other)["Associations"] == []


def test_the_api_makes_changes_and_deletes_associations_itself(manager: Manager) -> None:
    manager.launch(Server="App", Stage="test")
    made_one = manager.ssm.create_association(
        Name="AWS-RunShellScript",
        AssociationName="by-hand",
        Parameters={"commands": ["true"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )["AssociationDescription"]
    association = made_one["AssociationId"]
    wait_until(lambda: manager.status(association) == "Success", what="the run")
    updated = manager.ssm.update_association(
        AssociationId=association, AssociationName="renamed", Parameters={"commands": ["false"]}
    )["AssociationDescription"]
    assert (updated["AssociationVersion"], updated["AssociationName"]) == ("2", "renamed")
    manager.ssm.delete_association(AssociationId=association)
    with pytest.raises(ClientError, match="AssociationDoesNotExist"):
        manager.describe(association)
    with pytest.raises(ClientError, match="InvalidDocument"):
        manager.ssm.create_association(Name="Nobody-HasThis", Targets=[])
