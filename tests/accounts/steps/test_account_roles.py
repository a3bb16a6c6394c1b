"""The revision of an account's roles: read from its stack, shown on its page and in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.accounts.steps import account_roles
from deployments.common.errors import AwsAccessError
from deployments.environments.models.accounts import Account
from deployments.environments.rules.account_template import REVISION, STACK
from tests.builders import make_account
from tests.fakes import FakeAws, FakeStack
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


def production() -> Account:
    return make_account(
        "production", is_sandbox=False, role_arn="arn:aws:iam::123456789012:role/sanso-portal"
    )


def deploy(aws: FakeAws, revision: str, **parameters: str) -> None:
    """Put the stack of account.yaml into an account."""
    stack = FakeStack(name=STACK, stack_id="account", status="CREATE_COMPLETE", parameters=parameters)
    stack.outputs = {"Revision": revision} if revision else {}
    aws.stacks["account"] = stack


def shown(admin: Client, account: Account) -> str:
    """Return what the account's page says of its roles."""
    path = reverse("admin:deployments_account_change", args=[account.pk])
    return page(admin.get(path)).one("div", class_="field-roles").text


def test_the_page_says_that_the_roles_are_of_an_earlier_revision(admin_client: Client) -> None:
    aws, account = FakeAws(), production()
    deploy(aws, str(REVISION - 1), Roles="create", RolesNeedBoundary="true")
    assert "Not read yet" in shown(admin_client, account)

    assert account_roles.read_due(aws) == 1

    account.refresh_from_db()
    assert (account.roles_revision, account.roles_need_boundary) == (REVISION - 1, True)
    assert f"this version of Sanso needs revision {REVISION}" in shown(admin_client, account)
    assert "Deploy infra_templates/account.yaml again" in shown(admin_client, account)
    deploy(aws, str(REVISION), Roles="create", RolesNeedBoundary="false")
    account_roles.read(account, aws)
    assert f"Revision {REVISION} of account.yaml, as this version needs." in shown(admin_client, account)
    account.refresh_from_db()
    assert account.roles_need_boundary is False


def test_templates_from_before_revisions_are_the_first(admin_client: Client) -> None:
    aws, account = FakeAws(), production()
    deploy(aws, "")

    account_roles.read(account, aws)

    assert "Revision 1 of account.yaml;" in shown(admin_client, account)


def test_a_stack_without_roles_says_nothing_of_them(admin_client: Client) -> None:
    aws, account = FakeAws(), production()
    deploy(aws, "1", Roles="exist", RolesNeedBoundary="false")

    account_roles.read(account, aws)

    account.refresh_from_db()
    assert (account.roles_revision, account.roles_need_boundary) == (None, None)
    assert "Unknown" in shown(admin_client, account)


def test_no_stack_and_no_answer_are_no_revision(admin_client: Client) -> None:
    aws, account = FakeAws(), production()
    aws.fail("cloudformation:DescribeStacks", AwsAccessError("AccessDenied", "no", "sts:AssumeRole"))

    account_roles.read(account, aws)
    assert "Not read yet" in shown(admin_client, account)
    account_roles.read(account, aws)
    assert "Unknown" in shown(admin_client, account)


def test_accounts_are_read_every_few_minutes_and_after_they_are_saved(admin_client: Client) -> None:
    aws, account = FakeAws(), production()
    make_account("sandbox", is_sandbox=True)

    assert (account_roles.read_due(aws), account_roles.read_due(aws)) == (1, 0)
    assert not account_roles.are_due()
    Account.objects.filter(pk=account.pk).update(roles_due_at=timezone.now() - timedelta(seconds=1))
    assert account_roles.are_due()
    assert account_roles.read_due(aws) == 1
    form = {"name": "production", "region": "eu-west-1", "role_arn": account.role_arn}
    admin_client.post(reverse("admin:deployments_account_change", args=[account.pk]), form)
    assert account_roles.are_due()


def test_the_sandbox_creates_the_roles_itself(admin_client: Client) -> None:
    assert "The sandbox creates them" in shown(admin_client, make_account("sandbox", is_sandbox=True))
