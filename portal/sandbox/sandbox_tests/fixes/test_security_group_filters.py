"""DescribeSecurityGroups ignores most filters."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.networks import network


def test_a_group_is_found_by_its_own_rules_alone(ministack: Account, account: Account) -> None:
    assert _finds_by_another_rule(ministack)
    assert not _finds_by_another_rule(account)


def _finds_by_another_rule(account: Account) -> bool:
    """Create a group without rules and search for one with a rule."""
    made = network(account)
    filters = [{"Name": "ip-permission.cidr", "Values": ["192.0.2.0/24"]}]
    return bool(made.ec2.describe_security_groups(Filters=filters)["SecurityGroups"])
