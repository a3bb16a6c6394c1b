"""Subnets can be deleted while network interfaces are in them."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import network


def test_a_subnet_with_an_interface_is_not_deleted(ministack: Account, account: Account) -> None:
    assert _delete_with_an_interface(ministack) == DONE
    assert _delete_with_an_interface(account) == "DependencyViolation"


def _delete_with_an_interface(account: Account) -> str:
    made = network(account)
    made.ec2.create_network_interface(SubnetId=made.subnet)
    return outcome(made.ec2, "delete_subnet", SubnetId=made.subnet)
