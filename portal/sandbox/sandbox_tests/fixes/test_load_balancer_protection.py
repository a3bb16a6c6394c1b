"""Load balancers can be deleted despite deletion protection."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import balancers


def test_a_protected_load_balancer_is_not_deleted(ministack: Account, account: Account) -> None:
    assert _delete_protected(ministack) == DONE
    assert _delete_protected(account) == "OperationNotPermitted"


def _delete_protected(account: Account) -> str:
    made = balancers(account)
    (key, _other) = made.load_balancers
    made.elbv2.modify_load_balancer_attributes(
        LoadBalancerArn=key, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}]
    )
    return outcome(made.elbv2, "delete_load_balancer", LoadBalancerArn=key)
