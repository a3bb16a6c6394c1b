"""Security groups accept the same rule twice, and keep several sources as one rule."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import network, rule


def test_a_rule_is_not_added_twice(ministack: Account, account: Account) -> None:
    assert _add_twice(ministack) == DONE
    assert _add_twice(account) == "InvalidPermission.Duplicate"


def _add_twice(account: Account) -> str:
    made = network(account)
    once = rule(80, "10.0.0.0/8", "192.0.2.0/24")
    made.ec2.authorize_security_group_ingress(GroupId=made.group, IpPermissions=[once])
    again = rule(80, "192.0.2.0/24")
    return outcome(made.ec2, "authorize_security_group_ingress", GroupId=made.group, IpPermissions=[again])
