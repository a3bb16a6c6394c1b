"""The least-privilege roles suffice for an environment, and what lacks an action says which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployments.core.phases import State
from tests.running import Portal, client, new_account
from tests.services import Sandbox
from tests.wordings import reason

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


def decisions(sandbox: Sandbox, account: str) -> list[dict[str, Any]]:
    reported: Any = sandbox.control("GET", "permissions", account=account)
    found: list[dict[str, Any]] = reported["decisions"]
    return found


def test_the_roles_suffice_to_deploy_and_delete_an_environment(portal: Portal) -> None:
    account = new_account()

    (made,) = portal.wait_for_end(portal.deploy(account=account))
    assert (made.state, reason(made)) == (State.SUCCEEDED, "")
    (gone,) = portal.wait_for_end(portal.remove(made))
    assert (gone.state, reason(gone)) == (State.SUCCEEDED, "")

    made_of = decisions(portal.sandbox, account.sandbox_account_id)
    assert [one for one in made_of if not one["allowed"]] == []
    principals = {one["principal"] for one in made_of}
    assert {"user/sanso", "role/sanso-portal", "role/sanso-cloudformation"} <= principals


def test_a_creation_that_lacks_an_action_names_it(portal: Portal) -> None:
    account = new_account()
    prepare(portal.sandbox, account.sandbox_account_id, account.external_id)
    iam = client(account, "iam", portal.sandbox)
    without(iam, "sanso-cloudformation", "network", "ec2:CreateVpc")

    (ended,) = portal.wait_for_end(portal.deploy(account=account))

    assert ended.state == State.ROLLED_BACK
    assert "ec2:CreateVpc" in reason(ended)


def prepare(sandbox: Sandbox, account: str, external_id: str) -> None:
    """Create the roles of an account before the portal first uses it."""
    sandbox.control("POST", "keys", {"name": "portal", "external_id": external_id}, account=account)


def without(iam: Any, role: str, policy: str, action: str) -> None:
    """Remove an action from a policy of a role, as an administrator does."""
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    for statement in document["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
