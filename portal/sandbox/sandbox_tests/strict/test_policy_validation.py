"""Access Analyzer validates policies for who may call it, and finds what does not exist."""

from __future__ import annotations

import json

from sandbox_tests.engine.conftest import Account


def codes(account: Account, document: str) -> list[str]:
    client = account.client("accessanalyzer")
    found = client.validate_policy(policyDocument=document, policyType="IDENTITY_POLICY")
    return [one["issueCode"] for one in found["findings"]]


def allowing(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_policy_with_actions_that_exist_has_no_findings(account: Account) -> None:
    assert codes(account, allowing("ec2:DescribeVpcs", "rds:Describe*", "chess:Move")) == []


def test_an_action_that_does_not_exist_and_wrong_syntax_are_errors(account: Account) -> None:
    assert codes(account, allowing("ec2:DescribeVpcs", "ec2:DescribeNothing")) == ["INVALID_ACTION"]
    assert codes(account, '{"Statement": [') == ["JSON_SYNTAX_ERROR"]
    assert codes(account, '{"Version": "2012-10-17"}') == ["MISSING_STATEMENT"]
