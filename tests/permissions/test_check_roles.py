"""The roles grant what AWS's data says, and the comparison notices what is missing."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from deployments.aws.permissions import exemptions, handlers, reference
from deployments.aws.permissions.arn_patterns import has_wildcard_type
from deployments.template_sets.rules.role_policies import PolicyRole
from tests.permissions import check_roles, covered
from tests.permissions.handler_needs import dependents, needs
from tests.permissions.role_policies import ACCOUNT, Template


@pytest.mark.parametrize("scope", ["standard", "strict"])
def test_nothing_is_missing_by_awss_data(scope: str) -> None:
    found = check_roles.check(check_roles.ACCOUNT_TEMPLATE, Scope=scope)

    assert [need.permission for need in (*found.permissions, *found.reads)] == []
    assert [*found.types, *found.faults] == []


def test_the_page_has_the_counts_and_every_exemption() -> None:
    page = check_roles.REPORT.read_text()
    assert check_roles.section_of(page).rstrip() == check_roles.section(*check_roles.checked()).rstrip(), (
        "run make check-roles ARGS=--write"
    )


def test_the_roles_before_lacked_what_stopped_the_first_deployment() -> None:
    found = check_roles.check(check_roles.BEFORE)

    reads = {need.permission for need in found.reads}
    assert {
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
        "kms:DescribeKey",
        "ec2:DescribeAccountAttributes",
        "ec2:DescribeNetworkAcls",
        "lambda:GetRuntimeManagementConfig",
        "secretsmanager:GetSecretValue",
    } <= reads
    assert "ec2:DisassociateAddress" in {need.permission for need in found.permissions}
    assert any(one.endswith("rds:CreateDBCluster: og") for one in found.types)
    assert any("wildcard in place of the resource type" in one for one in found.faults)
    assert "AWS::CloudFormation::Stack iam:PassRole" in "\n".join(found.types)


def test_the_role_is_passed_to_cloudformation_and_to_nothing_else() -> None:
    def passes(role_name: str, service: str) -> bool:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role_name}"
        return covered.passes(service_role(), arn, f"{service}.amazonaws.com")

    assert passes("sanso-cloudformation", "cloudformation")
    assert not passes("sanso-cloudformation", "ec2")
    assert not passes("sanso-cloudformation", "lambda")
    assert not passes("sanso-portal", "cloudformation")
    assert not passes("sanso-portal", "ec2")
    assert passes("sanso-shop-Servers", "ec2")
    assert not passes("sanso-shop-Servers", "cloudformation")


def service_role() -> PolicyRole:
    roles = Template(check_roles.ACCOUNT_TEMPLATE).roles()
    return next(role for role in roles if role.name == check_roles.SERVICE_ROLE)


def test_the_comparison_notices_each_grant_that_is_taken_away() -> None:
    role = service_role()
    granted = {action for one in role.allowed for action in one.actions}

    unnoticed = []
    # The restores are among the exemptions: only an environment with the data of another one needs them.
    restores = {"rds:RestoreDBClusterFromSnapshot", "rds:RestoreDBClusterToPointInTime"}
    elsewhere = {"s3:GetObjectVersion", *restores}
    for action in sorted(granted - set(check_roles.BEYOND) - elsewhere):
        left = (
            replace(one, actions=tuple(name for name in one.actions if name != action))
            for one in role.statements
        )
        if check_roles.of_service_role(replace(role, statements=tuple(left)), only=action).is_clean:
            unnoticed.append(action)
    assert len(granted) > 150
    assert unnoticed == []


def test_everything_beyond_the_schemas_has_a_reason() -> None:
    role = service_role()
    wanted = {need.permission for need in (*needs(), *dependents())}
    beyond = {
        action
        for one in role.allowed
        for action in one.actions
        if not any(fnmatchcase(need, action) for need in wanted)
    }

    assert beyond - {"s3:GetObjectVersion"} == set(check_roles.BEYOND)


@pytest.mark.parametrize("one", exemptions.TABLE, ids=lambda one: f"{one.resource_type} {one.actions[0]}")
def test_an_exemption_names_known_actions_properties_of_the_type_and_a_source(
    one: exemptions.Exemption,
) -> None:
    assert one.source.startswith("https://docs.aws.amazon.com/")
    known = {name.partition("=")[0].partition(".")[0] for name in one.properties}
    assert known <= set(handlers.properties(one.resource_type))
    for action in one.actions:
        assert reference.find(action), action
        assert not reference.is_read(action), "reads have no exemption"


def test_wildcards_in_place_of_a_resource_type_match_nothing() -> None:
    assert has_wildcard_type("arn:aws:rds:*:123456789012:*:sanso-*")
    assert has_wildcard_type("arn:aws:iam::123456789012:u*/x")
    assert not has_wildcard_type("arn:aws:ec2:*:*:*")
    assert not has_wildcard_type("arn:aws:s3:::sanso-artifacts-*/*")
    assert not has_wildcard_type("arn:aws:logs:*:123456789012:log-group:*sanso-*")


def test_patterns_overlap_if_a_text_matches_both() -> None:
    assert covered.names_some("arn:aws:rds:r:1:cluster:*", "arn:aws:rds:*:1:cluster:sanso-*")
    assert not covered.names_some("arn:aws:rds:r:1:og:default:*", "arn:aws:rds:*:1:cluster:sanso-*")
    assert covered.overlap("a?c*", "*bcd")
