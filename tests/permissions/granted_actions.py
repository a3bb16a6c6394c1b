"""The actions that account.yaml grants to each role, and those that IAM has decided about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from deployments.catalog import yaml_files
from tests.services import REPOSITORY, Sandbox

ROLES = {"PortalRole": "sanso-portal", "CloudFormationRole": "sanso-cloudformation"}
BOUNDARY = "sanso-boundary"


def actions() -> dict[str, dict[str, str]]:
    """Return, by role, each granted action and the name of the policy that grants it."""
    template = yaml_files.read(REPOSITORY / "infra_templates" / "account.yaml")["Resources"]
    return {
        role: {
            action: policy["PolicyName"]
            for policy in template[logical_id]["Properties"]["Policies"]
            for action in _allowed(policy["PolicyDocument"])
        }
        for logical_id, role in ROLES.items()
    }


def of_boundary() -> list[str]:
    """Return the actions that the permissions boundary allows for roles of environments."""
    template = yaml_files.read(REPOSITORY / "infra_templates" / "account.yaml")["Resources"]
    return sorted(set(_allowed(template["Boundary"]["Properties"]["PolicyDocument"])))


def _allowed(document: dict[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            found = statement["Action"]
            yield from [found] if isinstance(found, str) else found


def decisions(sandbox: Sandbox, account: str) -> list[dict[str, Any]]:
    """Return the decisions of IAM in an account: principal, action, and whether it was allowed."""
    reported: Any = sandbox.control("GET", "permissions", account=account)
    found: list[dict[str, Any]] = reported["decisions"]
    return found


def take_away(iam: Any, role: str, policy: str, action: str) -> None:
    """Remove an action from a policy of a role, as an administrator does."""
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=_without(document, action))


def take_from_boundary(iam: Any, account: str, action: str) -> None:
    """Remove an action from the permissions boundary, and so from every role of the environments."""
    arn = f"arn:aws:iam::{account}:policy/{BOUNDARY}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=_without(document, action), SetAsDefault=True)


def _without(document: dict[str, Any], action: str) -> str:
    statements = []
    for statement in document["Statement"]:
        listed = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        left = [one for one in listed if one != action]
        if statement["Effect"] == "Deny" or left:
            statements.append({**statement, "Action": listed if statement["Effect"] == "Deny" else left})
    return json.dumps({**document, "Statement": statements})
