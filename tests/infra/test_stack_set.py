"""The template of docs for StackSets: it passes cfn-lint, and fits account.yaml and an import."""

from __future__ import annotations

from typing import Any

from deployments.accounts.rules.account_csv import read
from deployments.template_sets.template_files import yaml_files
from tests.infra.resolved_templates import TEMPLATES
from tests.infra.test_lint import findings
from tests.permissions.check_roles import ACCOUNT_TEMPLATE

STACK_SET = TEMPLATES.parent / "docs" / "stack-set.yaml"


def values_of(stack_set: dict[str, Any]) -> dict[str, Any]:
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack_set["Properties"]["Parameters"]}


def test_cfn_lint_has_no_findings() -> None:
    assert findings("--config-file", ".cfnlintrc", str(STACK_SET)) == []


def test_its_parameters_are_those_of_account_yaml() -> None:
    template, account = yaml_files.read(STACK_SET), yaml_files.read(ACCOUNT_TEMPLATE)

    for stack_set in template["Resources"].values():
        given = values_of(stack_set)
        assert set(given) <= set(account["Parameters"])
        assert given["Roles"] in account["Parameters"]["Roles"]["AllowedValues"]
    for name in ("PortalPrincipal", "ExternalId"):
        pattern = "AllowedPattern"
        assert template["Parameters"][name][pattern] == account["Parameters"][name][pattern]


def test_an_import_expects_the_names_that_account_yaml_creates() -> None:
    resources = yaml_files.read(ACCOUNT_TEMPLATE)["Resources"]
    (row,) = read("name,region,account_id\none,eu-west-1,123456789012\n").rows

    assert row.values["role_arn"].endswith(f":role/{resources['PortalRole']['Properties']['RoleName']}")
    role = resources["CloudFormationRole"]["Properties"]["RoleName"]
    assert row.values["service_role_arn"].endswith(f":role/{role}")
    policy = resources["Boundary"]["Properties"]["ManagedPolicyName"]
    assert row.values["boundary_arn"].endswith(f":policy/{policy}")
    bucket = resources["ArtifactBucket"]["Properties"]["BucketName"]["Fn::Sub"]
    known = {"${AWS::AccountId}": "123456789012", "${AWS::Region}": "eu-west-1"}
    for reference, value in known.items():
        bucket = bucket.replace(reference, value)
    assert row.values["artifact_bucket"] == bucket
