"""What IAM is asked about the roles of account.yaml."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.accounts.rules.account_roles import PORTAL, SERVICE, RolesOf, expected
from deployments.accounts.rules.simulations import concrete, members, missing_policy
from deployments.aws.permissions import reference
from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.service_role import ACCOUNT_TEMPLATE

TEMPLATE = yaml_files.read(ACCOUNT_TEMPLATE)
ACCOUNT, REGION = "210987654321", "eu-west-1"
ABOUT = RolesOf(account=ACCOUNT, region=REGION)
NAMES = st.text(alphabet="abc*-/:.!", max_size=12)


@given(
    service=st.sampled_from(["s3", "ec2", "rds"]),
    region=st.sampled_from(["*", "", REGION]),
    owner=st.sampled_from(["*", "", ACCOUNT]),
    name=NAMES,
)
def test_a_resource_is_one_that_its_pattern_matches(service: str, region: str, owner: str, name: str) -> None:
    pattern = f"arn:aws:{service}:{region}:{owner}:{name}"

    found = concrete(pattern, REGION, ACCOUNT)

    assert "*" not in found
    assert fnmatchcase(found, pattern.replace("[", "[[]"))


@pytest.mark.parametrize("kind", [PORTAL, SERVICE])
def test_every_action_that_account_yaml_grants_is_asked_about(kind: str) -> None:
    role = expected(TEMPLATE, kind, ABOUT)

    asked = {action for one in role.simulations for action in one.actions}
    granted = {action for one in role.granted.allowed for action in one.actions}
    missing = {one for one in granted if not asked & set(reference.members(one))}
    # AWS's schemas list these, and no public reference has them.
    assert missing <= {
        "managed-fleets:Get*",
        "s3files:ListMountTargets",
        "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation",
    }
    assert not any("*" in action for action in asked)


@pytest.mark.parametrize("kind", [PORTAL, SERVICE])
def test_every_pair_is_granted_by_its_own_statement_under_its_conditions(kind: str) -> None:
    role = expected(TEMPLATE, kind, ABOUT)

    for call in role.simulations:
        statement = role.granted.statements[call.statement]
        for action, resource in call.pairs:
            assert statement.names(action), action
            assert any(fnmatchcase(resource, one) for one in statement.resources), (action, resource)
        assert len(call.actions) * len(call.resources) <= 1000
        assert "*" not in call.resources or call.resources == ["*"]


def test_the_conditions_of_the_strict_scope_are_met_also_for_the_standard_one() -> None:
    role = expected(TEMPLATE, SERVICE, ABOUT)
    (deletes,) = (one for one in role.simulations if "ec2:DeleteVpc" in one.actions)

    assert dict(deletes.context) == {"aws:ResourceTag/sanso:environment": "x"}
    assert "Condition" not in missing_policy(role.granted, {deletes.statement: ["ec2:DeleteVpc"]})
    strict = expected(
        TEMPLATE, SERVICE, RolesOf(account=ACCOUNT, region=REGION, parameters={"Scope": "strict"})
    )
    assert "aws:ResourceTag" in missing_policy(strict.granted, {deletes.statement: ["ec2:DeleteVpc"]})


def test_each_value_of_a_condition_is_asked_about() -> None:
    role = expected(TEMPLATE, SERVICE, ABOUT)

    passed = {value for one in role.simulations for key, value in one.context if key == "iam:PassedToService"}

    services = ("cloudformation", "ec2", "lambda", "vpc-flow-logs")
    assert passed == {f"{service}.amazonaws.com" for service in services}


def test_what_is_missing_is_a_policy_with_the_accounts_own_names() -> None:
    about = RolesOf(
        account=ACCOUNT,
        region="cn-north-1",
        portal_role=f"arn:aws-cn:iam::{ACCOUNT}:role/portals",
        service_role=f"arn:aws-cn:iam::{ACCOUNT}:role/ours",
        bucket="our-templates",
    )
    role = expected(TEMPLATE, PORTAL, about)
    (passing,) = (one for one in role.simulations if "iam:PassRole" in one.actions)
    (writing,) = (one for one in role.simulations if "s3:PutObject" in one.actions)

    policy = json.loads(
        missing_policy(
            role.granted, {writing.statement: ["s3:PutObject"], passing.statement: ["iam:PassRole"]}
        )
    )

    (simulating,) = (one for one in role.simulations if "iam:SimulatePrincipalPolicy" in one.actions)
    assert simulating.resources == [
        f"arn:aws-cn:iam::{ACCOUNT}:role/ours",
        f"arn:aws-cn:iam::{ACCOUNT}:role/portals",
    ]
    passed, written = policy["Statement"]
    assert passed["Resource"] == [f"arn:aws-cn:iam::{ACCOUNT}:role/ours"]
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert written == {
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": ["arn:aws-cn:s3:::our-templates/*"],
    }


def test_a_pattern_is_asked_about_by_the_actions_that_handlers_call() -> None:
    found = members("ec2:Describe*")

    assert "ec2:DescribeSubnets" in found
    assert len(found) < len(reference.members("ec2:Describe*"))
    role = expected(TEMPLATE, SERVICE, ABOUT)
    (reads,) = (one for one in role.simulations if "ec2:DescribeSubnets" in one.actions)
    assert '"ec2:Describe*"' in missing_policy(role.granted, {reads.statement: ["ec2:DescribeSubnets"]})
