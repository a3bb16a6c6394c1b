"""Managed policies of AWS that functions use do not exist."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome

POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"


def test_the_policy_for_interfaces_of_functions_exists(ministack: Account, account: Account) -> None:
    assert outcome(ministack.client("iam"), "get_policy", PolicyArn=POLICY) == "NoSuchEntity"
    assert outcome(account.client("iam"), "get_policy", PolicyArn=POLICY) == DONE
