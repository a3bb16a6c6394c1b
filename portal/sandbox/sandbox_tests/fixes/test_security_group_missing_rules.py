"""Rules that a security group does not have can be revoked."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import network, rule


def test_a_rule_that_is_not_there_is_not_revoked(ministack: Account, account: Account) -> None:
    assert _revoke_another(ministack) == DONE
    assert _revoke_another(account) == "InvalidPermission.NotFound"


def _revoke_another(account: Account) -> str:
    made = network(account)
    return outcome(
        made.ec2,
        "revoke_security_group_ingress",
        GroupId=made.group,
        IpPermissions=[rule(80, "10.0.0.0/8")],
    )
