"""DescribeNetworkInterfaces ignores most filters."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.networks import network


def test_an_interface_is_found_by_its_own_address_alone(ministack: Account, account: Account) -> None:
    assert _finds_another(ministack)
    assert not _finds_another(account)


def _finds_another(account: Account) -> bool:
    """Create an interface and search for one with an address of another network."""
    made = network(account)
    made.ec2.create_network_interface(SubnetId=made.subnet)
    filters = [{"Name": "private-ip-address", "Values": ["192.0.2.1"]}]
    return bool(made.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"])
