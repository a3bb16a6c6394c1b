"""Policies that are too long are refused, wherever they are given: white space does not count.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import Account
from sandbox_tests.strict.reasons import creation_failure, failures

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    ],
}
ALLOWED = {"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}


def document(sid: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Sid": sid, **ALLOWED}]}


EMPTY = len(json.dumps(document(""), separators=(",", ":")))


def policy(size: int) -> dict[str, Any]:
    """Return a policy of so many characters without white space."""
    return document("a" * (size - EMPTY))


def role(*sizes: int, trust: dict[str, Any] = TRUST) -> dict[str, Any]:
    inline = [{"PolicyName": f"p{n}", "PolicyDocument": policy(size)} for n, size in enumerate(sizes)]
    properties = {"AssumeRolePolicyDocument": trust, "Policies": inline}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def template(**resources: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources})


def created(account: Account, name: str, body: str) -> str:
    return account.create(name, body, Capabilities=["CAPABILITY_NAMED_IAM"])


def test_the_inline_policies_of_a_role_have_10240_characters_together(account: Account) -> None:
    stack = created(account, "whole", template(Role=role(10_000, 240)))
    assert account.status(stack) == "CREATE_COMPLETE", account.story(stack)

    reason = creation_failure(account, template(Role=role(10_000, 241)), "Role")
    assert "Maximum policy size of 10240 bytes exceeded for role " in reason.text
    assert (reason.service, reason.code) == ("Iam", "ServiceLimitExceeded")

    body = template(Role=role(10_000, 241))
    assert account.update(stack, body, Capabilities=["CAPABILITY_IAM"]) == "UPDATE_ROLLBACK_COMPLETE"


def test_a_policy_that_is_attached_counts_with_those_of_its_role(account: Account) -> None:
    attached = {
        "Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "more", "PolicyDocument": policy(241), "Roles": [{"Ref": "Role"}]},
    }
    stack = created(account, "attached", template(Role=role(10_000), Policy=attached))
    assert "Maximum policy size of 10240 bytes" in failures(account, stack, "Policy")[0]


def test_a_managed_policy_has_6144_characters(account: Account) -> None:
    def managed(size: int) -> str:
        properties = {"PolicyDocument": policy(size)}
        return template(Managed={"Type": "AWS::IAM::ManagedPolicy", "Properties": properties})

    stack = created(account, "managed", managed(6_144))
    assert account.status(stack) == "CREATE_COMPLETE", account.story(stack)
    reason = creation_failure(account, managed(6_145), "Managed")
    assert "Cannot exceed quota for PolicySize: 6144" in reason.text


def test_a_trust_policy_has_2048_characters(account: Account) -> None:
    long = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Sid": "a" * 2_000}]}  # type: ignore[dict-item]
    reason = creation_failure(account, template(Role=role(trust=long)), "Role")
    assert "Cannot exceed quota for ACLSizePerRole: 2048" in reason.text


def test_the_api_refuses_them_too(account: Account) -> None:
    iam = account.client("iam")
    iam.create_role(RoleName="one", AssumeRolePolicyDocument=json.dumps(TRUST, indent=40))
    iam.put_role_policy(RoleName="one", PolicyName="a", PolicyDocument=json.dumps(policy(10_000), indent=40))

    for call, given in (
        (iam.put_role_policy, {"RoleName": "one", "PolicyName": "b"}),
        (iam.create_policy, {"PolicyName": "long"}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**given, PolicyDocument=json.dumps(policy(7_000)))
        assert refused.value.response["Error"]["Code"] == "LimitExceeded"
    iam.put_role_policy(RoleName="one", PolicyName="a", PolicyDocument=json.dumps(policy(10_240)))
