"""Security groups can be deleted while network interfaces or rules use them."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import network


def test_a_group_that_a_rule_names_is_not_deleted(ministack: Account, account: Account) -> None:
    assert _delete_named(ministack) == DONE
    assert _delete_named(account) == "DependencyViolation"


def _delete_named(account: Account) -> str:
    made = network(account)
    other = made.ec2.create_security_group(GroupName="other", Description="other", VpcId=made.vpc)["GroupId"]
    named = {
        "IpProtocol": "tcp",
        "FromPort": 80,
        "ToPort": 80,
        "UserIdGroupPairs": [{"GroupId": other}],
    }
    made.ec2.authorize_security_group_ingress(GroupId=made.group, IpPermissions=[named])
    return outcome(made.ec2, "delete_security_group", GroupId=other)
