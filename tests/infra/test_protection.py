"""Deletion protection is switched on by an update that replaces and reboots no server."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.aws import session
from deployments.aws.cloudformation import ParameterUpdate
from deployments.aws.session import Clients
from deployments.template_sets import template_files
from tests.infra.resolved_templates import TEMPLATES
from tests.infra.test_deployment import Account
from tests.services import Sandbox, account_ref

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-arm64"
"""Not the image that the templates look up, as if a newer one had been published since the creation."""


@pytest.fixture
def account(sandbox: Sandbox, sandbox_account: str) -> Account:
    return Account(sandbox, sandbox_account)


@pytest.fixture
def clients(sandbox: Sandbox, sandbox_account: str) -> Clients:
    return session.connect(account_ref(sandbox, sandbox_account))


def servers(account: Account) -> list[tuple[str, str, Any]]:
    """Return (id, image, launch time) of the running instances."""
    pages = account.client("ec2").get_paginator("describe_instances").paginate()
    return sorted(
        (row["InstanceId"], row["ImageId"], row["LaunchTime"])
        for page in pages
        for group in page["Reservations"]
        for row in group["Instances"]
        if row["State"]["Name"] == "running"
    )


def test_protection_comes_on_and_the_servers_stay(account: Account, clients: Clients) -> None:
    image = clients.ssm.parameters([IMAGE])[IMAGE]
    values = {"DeletionProtection": "false", "AppImageId": image, "WebImageId": image}
    stack_id = account.start("sanso-times", values)
    assert account.settled(stack_id) == "CREATE_COMPLETE"
    before = servers(account)
    assert len(before) == 4
    assert {used for _, used, _ in before} == {image}
    stack = clients.cloudformation.describe_stack(stack_id)
    rows = account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    balancers = [row["LoadBalancerArn"] for row in rows]
    cluster = account.outputs(stack_id)["DatabaseClusterId"]
    assert not stack.termination_protection
    assert not any(clients.elbv2.deletion_protection(arn) for arn in balancers)

    clients.cloudformation.set_termination_protection(stack_id, on=True)
    update = ParameterUpdate(
        stack_id=stack_id,
        token="protect-1",  # a client token
        changed={"DeletionProtection": "true"},
        kept=tuple(name for name in stack.parameters if name != "DeletionProtection"),
        capabilities=("CAPABILITY_IAM",),
        role_arn=f"arn:aws:iam::{stack_id.split(':')[4]}:role/sanso-cloudformation",
    )
    assert clients.cloudformation.update_parameters(update)
    assert clients.cloudformation.update_parameters(update)  # a repeated request starts nothing
    assert account.settled(stack_id) == "UPDATE_COMPLETE"

    assert servers(account) == before
    assert clients.cloudformation.describe_stack(stack_id).termination_protection
    assert len(balancers) == 2
    assert all(clients.elbv2.deletion_protection(arn) for arn in balancers)
    assert [row.deletion_protection for row in clients.rds.clusters([cluster])] == [True]
    again = ParameterUpdate(
        stack_id=stack_id,
        token="protect-2",
        changed={"DeletionProtection": "true"},
        kept=update.kept,
        capabilities=("CAPABILITY_IAM",),
        role_arn=f"arn:aws:iam::{stack_id.split(':')[4]}:role/sanso-cloudformation",
    )
    assert not clients.cloudformation.update_parameters(again)


def test_the_manifest_names_what_is_protected_and_which_images_are_looked_up() -> None:
    template_set = template_files.load(TEMPLATES)

    assert template_set.protection_parameter == "DeletionProtection"
    assert not {"AppImageId", "WebImageId"} & set(template_set.parameters)
    prefix = "/aws/service/ami-amazon-linux-latest/"
    assert template_set.image_names({"WebOperatingSystem": "amzn2"}) == {
        "AppImageId": f"{prefix}al2023-ami-kernel-default-arm64",
        "WebImageId": f"{prefix}amzn2-ami-hvm-arm64-gp2",
    }
