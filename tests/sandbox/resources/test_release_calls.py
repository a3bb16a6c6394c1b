"""The gateway calls of a release against the sandbox: a command is sent, found by its comment, and read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deployments.aws.ssm import Invocation, SSMGateway
from deployments.common.errors import AwsNotFound
from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import Network
from sandbox_tests.resources.test_run_command import Commands
from tests.services import wait_until


@pytest.fixture
def commands(account: Account, network: Network) -> Commands:
    found = Commands(account, network)
    found.launch(Server="App")
    found.install()
    return found


def ended(gateway: SSMGateway, command: str, instance: str) -> Invocation:
    found: list[Invocation] = []

    def has_ended() -> bool:
        try:
            found.append(gateway.invocation(command, instance))
        except AwsNotFound:  # the command has not reached the server yet
            return False
        return found[-1].status not in ("Pending", "InProgress", "Delayed")

    wait_until(has_ended, what="the command's end")
    return found[-1]


def test_an_associations_document_is_sent_to_one_instance_and_found_by_its_comment(
    commands: Commands,
) -> None:
    one, other = commands.launch(Server="App"), commands.launch(Server="App")
    commands.wait_for_association(one, other)
    gateway = SSMGateway(commands.ssm)
    (call,) = gateway.association_calls([commands.association, "gone"])
    assert call.document == commands.document
    assert call.arguments == {"variables": ("DB_NAME=datelog",)}
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert gateway.find_command(one, "sanso:a:1", since) == ""

    sent = gateway.send_command(replace(call, arguments={"variables": ("DB_NAME=new",)}), one, "sanso:a:1")

    assert gateway.find_command(one, "sanso:a:1", since) == sent
    assert gateway.find_command(one, "sanso:a:2", since) == ""
    assert gateway.find_command(other, "sanso:a:1", since) == ""
    done = ended(gateway, sent, one)
    assert done.status == "Success"
    assert done.ended_at is None or done.ended_at >= since


def test_a_command_that_fails_has_its_output(commands: Commands) -> None:
    instance = commands.launch(Server="App")
    commands.wait_for_association(instance)
    fault = {"on": [instance], "stdout": "TASK [Install datelog]", "stderr": "fatal: [localhost]"}
    commands.account.sandbox.control(
        "POST", "faults", {"associations": {commands.document: fault}}, account=commands.account.id
    )
    gateway = SSMGateway(commands.ssm)
    (call,) = gateway.association_calls([commands.association])
    done = ended(gateway, gateway.send_command(call, instance, "sanso:b:1"), instance)

    assert done.status == "Failed"
    assert "TASK [Install datelog]" in done.output
    assert "fatal: [localhost]" in done.error_output


def test_the_portals_gateway_reads_how_a_command_of_several_steps_ended(commands: Commands) -> None:
    gateway = SSMGateway(commands.ssm)
    instances = [commands.launch(Server="App") for _ in range(2)]
    fault = {"on": [instances[1]], "stdout": "TASK [Install datelog]", "stderr": "fatal: [localhost]"}
    commands.account.sandbox.control(
        "POST", "faults", {"associations": {commands.document: fault}}, account=commands.account.id
    )
    command = commands.send(*instances, MaxErrors="1")
    commands.wait(command)

    good, bad = (gateway.invocation(command, instance) for instance in instances)

    assert (good.status, bad.status) == ("Success", "Failed")
    assert good.ended_at is not None
    assert good.ended_at <= datetime.now(UTC)
    assert bad.output == "TASK [Install datelog]"
    assert "fatal: [localhost]" in bad.error_output
    with pytest.raises(AwsNotFound):
        gateway.invocation(command, "i-0123456789abcdef0")


def test_an_instance_that_does_not_exist_is_not_found(commands: Commands) -> None:
    gateway = SSMGateway(commands.ssm)
    (call,) = gateway.association_calls([commands.association])

    with pytest.raises(AwsNotFound):
        gateway.send_command(call, "i-0123456789abcdef0", "sanso:c:1")
