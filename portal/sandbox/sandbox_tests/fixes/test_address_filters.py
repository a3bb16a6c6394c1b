"""DescribeAddresses ignores filters."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account


def test_an_address_is_found_by_itself_alone(ministack: Account, account: Account) -> None:
    assert _finds_another(ministack)
    assert not _finds_another(account)


def _finds_another(account: Account) -> bool:
    """Allocate an address and search for another one."""
    ec2 = account.client("ec2")
    ec2.allocate_address(Domain="vpc")
    return bool(ec2.describe_addresses(Filters=[{"Name": "public-ip", "Values": ["192.0.2.1"]}])["Addresses"])
