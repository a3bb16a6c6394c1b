"""The actions that account.yaml grants to each role, and those that IAM has decided about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from deployments.template_sets.rules.set_needs import SetNeeds
from deployments.template_sets.template_files import yaml_files
from tests.permissions.role_policies import Template
from tests.services import REPOSITORY, Sandbox

ACCOUNT_TEMPLATE = REPOSITORY / "infra_templates" / "account.yaml"
ROLES = {"PortalRole": "sanso-portal", "CloudFormationRole": "sanso-cloudformation"}
BOUNDARY = "sanso-boundary"
READS = "sanso-cloudformation-reads"
"""The managed policy with all reads of CloudFormation's handlers: needed by AWS's data, used or not."""


def actions() -> dict[str, dict[str, str]]:
    """Return, by role, each granted action or pattern of actions, and the name of its policy."""
    template = _resources()
    return {
        role: {
            action: name
            for name, document in _policies(template, template[logical_id]["Properties"])
            for action in _allowed(document)
        }
        for logical_id, role in ROLES.items()
    }


def of_boundary() -> list[str]:
    """Return the actions that the permissions boundary allows for roles of environments."""
    return sorted(set(_allowed(_resources()["Boundary"]["Properties"]["PolicyDocument"])))


def _resources() -> dict[str, Any]:
    found: dict[str, Any] = yaml_files.read(ACCOUNT_TEMPLATE)["Resources"]
    return found


def _policies(template: dict[str, Any], role: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for policy in role["Policies"]:
        yield policy["PolicyName"], policy["PolicyDocument"]
    for reference in role.get("ManagedPolicyArns", ()):
        managed = template[reference["Ref"]]["Properties"]
        yield managed["ManagedPolicyName"], managed["PolicyDocument"]


def _allowed(document: dict[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            found = statement["Action"]
            yield from [found] if isinstance(found, str) else found


def matches(action: str, granted: str) -> bool:
    """Return whether a granted action, which may be a pattern, is or contains an action."""
    return fnmatchcase(action.lower(), granted.lower())


def decisions(sandbox: Sandbox, account: str) -> list[dict[str, Any]]:
    """Return the decisions of IAM in an account: principal, action, and whether it was allowed."""
    reported: Any = sandbox.control("GET", "permissions", account=account)
    found: list[dict[str, Any]] = reported["decisions"]
    return found


def put(iam: Any, account: str, path: Path = ACCOUNT_TEMPLATE, **parameters: str) -> None:
    """Give the roles of an account, and its boundary, the policies of a variant of account.yaml."""
    for role in Template(path, **{"AWS::AccountId": account, **parameters}).roles():
        if name := ROLES.get(role.name):
            for old in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=old)
            for policy, document in role.inline.items():
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
        if "Boundary" in role.managed:
            arn = f"arn:aws:iam::{account}:policy/{BOUNDARY}"
            document = role.managed["Boundary"]
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)


def put_beyond(iam: Any, needs: SetNeeds) -> None:
    """Give CloudFormation's role what a template set needs beyond account.yaml, as an administrator does."""
    for number, document in enumerate(needs.policies()):
        made = iam.create_policy(PolicyName=f"own-set-{number}", PolicyDocument=document)
        iam.attach_role_policy(RoleName=ROLES["CloudFormationRole"], PolicyArn=made["Policy"]["Arn"])


def take_away(iam: Any, account: str, role: str, policy: str, action: str) -> None:
    """Remove an action from a policy of a role, as an administrator does."""
    if policy == READS:
        _take_from_managed(iam, account, policy, action)
        return
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=_without(document, action))


def take_from_boundary(iam: Any, account: str, action: str) -> None:
    """Remove an action from the permissions boundary, and so from every role of the environments."""
    _take_from_managed(iam, account, BOUNDARY, action)


def _take_from_managed(iam: Any, account: str, policy: str, action: str) -> None:
    arn = f"arn:aws:iam::{account}:policy/{policy}"
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
