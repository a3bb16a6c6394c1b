"""Run Command: documents of the account run on the chosen instances, as through their associations."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.processes import wait_until
from sandbox_tests.resources.conftest import Network, made
from sandbox_tests.resources.state_manager import DOCUMENT, Manager

DONE = ("Success", "Failed", "TimedOut", "Cancelled")


class Commands(Manager):
    """Run Command in an account with a document of its own, and an association that uses it."""

    document = association = ""

    def install(self) -> None:
        """Create the document, its association, and the files that the document downloads."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("playbook.yml", "[]")
        self.account.client("s3").put_object(Bucket=self.bucket, Key="playbook.zip", Body=buffer.getvalue())
        outputs = self.account.outputs(made(self.account, "document", DOCUMENT, Bucket=self.bucket))
        self.document, self.association = outputs["Document"], outputs["Id"]

    def send(self, *instances: str, **more: Any) -> str:
        answer = self.ssm.send_command(
            **{"DocumentName": self.document, "InstanceIds": list(instances), **more}
        )
        return str(answer["Command"]["CommandId"])

    def wait_for_association(self, *instances: str) -> None:
        """Wait until the association has succeeded on these instances."""

        def configured() -> set[str]:
            return {
                instance
                for execution in self.executions(self.association)
                for instance, status in self.reached(self.association, execution["ExecutionId"]).items()
                if status == "Success"
            }

        wait_until(lambda: configured() >= set(instances), what="the association's runs")

    def wait(self, command: str) -> dict[str, Any]:
        def found() -> dict[str, Any]:
            one: dict[str, Any] = self.ssm.list_commands(CommandId=command)["Commands"][0]
            return one

        wait_until(lambda: found()["Status"] in DONE, what="the command's end")
        return found()

    def step(self, command: str, instance: str, name: str = "configure") -> dict[str, Any]:
        found: dict[str, Any] = self.ssm.get_command_invocation(
            CommandId=command, InstanceId=instance, PluginName=name
        )
        return found


@pytest.fixture
def commands(account: Account, network: Network) -> Commands:
    found = Commands(account, network)
    found.launch(Server="App")
    found.install()
    return found


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error.get("Message", ""))


def test_a_document_of_ones_own_runs_on_the_chosen_instance_alone(commands: Commands) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html"""
    one, other = commands.launch(Server="App"), commands.launch(Server="App")
    commands.wait_for_association(one, other)
    before = commands.executions(commands.association)

    command = commands.send(one, Parameters={"variables": ["DB_NAME=changed"]})

    found = commands.wait(command)
    assert (found["Status"], found["TargetCount"], found["CompletedCount"]) == ("Success", 1, 1)
    assert found["InstanceIds"] == [one]
    run = commands.step(command, one)
    assert (run["Status"], run["ResponseCode"], run["PluginName"]) == ("Success", 0, "configure")
    assert "ansible-playbook -e 'DB_NAME=changed' playbook.yml" in run["StandardOutputContent"]
    assert run["ExecutionStartDateTime"] <= run["ExecutionEndDateTime"]
    assert refused(
        commands.ssm.get_command_invocation, CommandId=command, InstanceId=other, PluginName="configure"
    )[0] == ("InvocationDoesNotExist")
    assert commands.executions(commands.association) == before, "the association did not run"


def test_a_command_fails_where_its_association_would(commands: Commands) -> None:
    instances = [commands.launch(Server="App") for _ in range(2)]
    commands.wait_for_association(*instances)
    fault = {"on": [instances[1]], "stdout": "TASK [Install datelog]", "stderr": "fatal: [localhost]"}
    commands.account.sandbox.control(
        "POST", "faults", {"associations": {commands.document: fault}}, account=commands.account.id
    )

    command = commands.send(*instances, Parameters={}, MaxErrors="0")

    found = commands.wait(command)
    assert (found["Status"], found["ErrorCount"]) == ("Failed", 1)
    good, bad = (commands.step(command, instance) for instance in instances)
    assert (good["Status"], bad["Status"], bad["ResponseCode"]) == ("Success", "Failed", 1)
    assert bad["StandardOutputContent"] == "TASK [Install datelog]"
    assert "fatal: [localhost]" in bad["StandardErrorContent"]
    assert commands.status(commands.association) == "Success", "a command is not a run of the association"
    (row,) = commands.ssm.list_command_invocations(CommandId=command, InstanceId=instances[1], Details=True)[
        "CommandInvocations"
    ]
    download, configure = row["CommandPlugins"]
    assert (download["Name"], download["Status"]) == ("download", "Success")
    assert (configure["Name"], configure["Status"], configure["ResponseCode"]) == ("configure", "Failed", 1)
    assert "fatal: [localhost]" in configure["Output"]


def test_a_download_that_is_not_there_fails_the_command(commands: Commands) -> None:
    instance = commands.launch(Server="App")
    commands.wait_for_association(instance)
    commands.account.client("s3").delete_object(Bucket=commands.bucket, Key="playbook.zip")

    command = commands.send(instance)

    assert commands.wait(command)["Status"] == "Failed"
    assert "NoSuchKey" in commands.step(command, instance, "download")["StandardErrorContent"]


def test_after_too_many_failures_the_others_are_not_run(commands: Commands) -> None:
    """MaxErrors: "the system stops sending the command to additional targets" (API_SendCommand)."""
    instances = [commands.launch(Server="App") for _ in range(3)]
    commands.fail(commands.document, [instances[0]])

    command = commands.send(*instances, MaxConcurrency="1", MaxErrors="0")

    found = commands.wait(command)
    assert found["Status"] == "Failed"
    rows = commands.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert [(row["Status"], row["StatusDetails"]) for row in rows] == [
        ("Failed", "Failed"),
        ("Cancelled", "Terminated"),
        ("Cancelled", "Terminated"),
    ]


def test_a_command_is_found_again_by_its_comment(commands: Commands) -> None:
    """SendCommand has no client token. ListCommands returns the comment (API_ListCommands)."""
    instance = commands.launch(Server="App")
    command = commands.send(instance, Comment="sanso:token:one")
    commands.wait(command)
    commands.wait(commands.send(instance, Comment="sanso:token:two"))

    listed = commands.ssm.list_commands(
        InstanceId=instance,
        Filters=[
            {"key": "DocumentName", "value": commands.document},
            {"key": "ExecutionStage", "value": "Complete"},
            {"key": "InvokedAfter", "value": "2020-01-01T00:00:00Z"},
        ],
    )["Commands"]
    assert [one["Comment"] for one in listed] == ["sanso:token:two", "sanso:token:one"]
    assert listed[1]["CommandId"] == command
    assert commands.ssm.list_commands(Filters=[{"key": "Status", "value": "Failed"}])["Commands"] == []
    by_token = commands.ssm.list_command_invocations(InstanceId=instance)["CommandInvocations"]
    assert [row["Comment"] for row in by_token] == ["sanso:token:two", "sanso:token:one"]


def test_the_output_is_stored_below_the_id_of_the_command(commands: Commands) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/rc-console.html"""
    instance = commands.launch(Server="App")
    command = commands.send(instance, OutputS3BucketName=commands.bucket, OutputS3KeyPrefix="logs/release/")
    commands.wait(command)

    key = f"logs/release/{command}/{instance}/awsrunShellScript/configure/stdout"
    assert key in commands.written()
    assert commands.step(command, instance)["StandardOutputUrl"].endswith(f"/{commands.bucket}/{key}")


def test_of_several_steps_one_has_to_be_named(commands: Commands) -> None:
    """PluginName: "you must specify the name of the step" (API_GetCommandInvocation).

    Also with aws:downloadContent: https://github.com/boto/boto3/issues/1811
    """
    instance = commands.launch(Server="App")
    command = commands.send(instance)
    commands.wait(command)
    get = commands.ssm.get_command_invocation
    assert refused(get, CommandId=command, InstanceId=instance)[0] == "InvalidPluginName"
    assert refused(get, CommandId=command, InstanceId=instance, PluginName="other")[0] == "InvalidPluginName"


def test_aws_own_documents_run_as_before(commands: Commands) -> None:
    instance = commands.launch(Server="Other")
    command = commands.send(
        instance, DocumentName="AWS-RunShellScript", Parameters={"commands": ["echo one", "echo two"]}
    )
    assert commands.wait(command)["Status"] == "Success"
    run = commands.ssm.get_command_invocation(CommandId=command, InstanceId=instance)
    assert "$ echo one\n$ echo two\n" in run["StandardOutputContent"]


def test_targets_are_found_by_tag(commands: Commands) -> None:
    wanted = commands.launch(Server="Elsewhere")
    command = commands.send(InstanceIds=[], Targets=[{"Key": "tag:Server", "Values": ["Elsewhere"]}])
    commands.wait(command)
    rows = commands.ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert [row["InstanceId"] for row in rows] == [wanted]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"DocumentName": "no-such-document"}, "InvalidDocument"),
        ({"DocumentVersion": "9"}, "InvalidDocumentVersion"),
        ({"Parameters": {"unknown": ["x"]}}, "InvalidParameters"),
        ({"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceId"),
        ({"MaxConcurrency": "0"}, "ValidationException"),
        ({"MaxErrors": "many"}, "ValidationException"),
        ({"InstanceIds": [f"i-{number:017x}" for number in range(51)]}, "ValidationException"),
    ],
)
def test_a_command_outside_of_its_limits_is_refused(
    commands: Commands, more: dict[str, Any], code: str
) -> None:
    arguments = {"DocumentName": commands.document, "InstanceIds": [commands.launch(Server="App")], **more}
    assert refused(commands.ssm.send_command, **arguments)[0] == code


def test_a_comment_has_100_characters(commands: Commands) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html (Comment)"""
    client = commands.account.client("ssm", parameter_validation=False)
    arguments = {
        "DocumentName": commands.document,
        "InstanceIds": [commands.launch(Server="App")],
        "Comment": "x" * 101,
    }
    code, message = refused(client.send_command, **arguments)
    assert code == "ValidationException"
    assert (
        "'comment' failed to satisfy constraint: Member must have length less than or equal to 100" in message
    )


def test_an_unknown_filter_is_refused(commands: Commands) -> None:
    """ListCommands has no filter by comment (API_CommandFilter)."""
    code, _message = refused(
        commands.ssm.list_commands, Filters=[{"key": "Comment", "value": "sanso:token:one"}]
    )
    assert code == "InvalidFilterKey"


def test_sending_needs_the_document_and_every_instance(commands: Commands) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html"""
    instance, other = commands.launch(Server="App"), commands.launch(Server="App")
    account = commands.account
    arn = f"arn:aws:ssm:{REGION}:{account.id}:document/{commands.document}"
    resources = [arn, f"arn:aws:ec2:{REGION}:{account.id}:instance/{instance}"]
    user = user_client(
        account, "ssm", [{"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": resources}]
    )
    sent = user.send_command(DocumentName=commands.document, InstanceIds=[instance])["Command"]["CommandId"]

    denied = refused(user.send_command, DocumentName=commands.document, InstanceIds=[other])
    assert denied[0] == "AccessDeniedException"
    assert f"instance/{other}" in denied[1]
    assert (
        "document/AWS-RunShellScript"
        in (
            refused(
                user.send_command,
                DocumentName="AWS-RunShellScript",
                InstanceIds=[instance],
                Parameters={"commands": ["true"]},
            )[1]
        )
    )
    one = {"CommandId": sent, "InstanceId": instance}
    reads: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
        (user.list_commands, {}, "ssm:ListCommands"),
        (user.list_command_invocations, {}, "ssm:ListCommandInvocations"),
        (user.get_command_invocation, one, "ssm:GetCommandInvocation"),
    ]
    for call, arguments, action in reads:
        code, message = refused(call, **arguments)
        assert code == "AccessDeniedException"
        assert f"{action} on resource: *" in message


def user_client(account: Account, service: str, statements: list[dict[str, Any]]) -> Any:
    """Return a service's client of a new user with this policy alone."""
    iam = account.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="releases")
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="releases", PolicyName="releases", PolicyDocument=policy)
    key = iam.create_access_key(UserName="releases")["AccessKey"]
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=REGION,
        endpoint_url=account.sandbox.url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
