"""DescribeInstances ignores most filters."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account


def test_an_instance_is_found_by_its_own_address_alone(ministack: Account, account: Account) -> None:
    assert _finds_another(ministack)
    assert not _finds_another(account)


def _finds_another(account: Account) -> bool:
    """Launch an instance and search for one with an address of another network."""
    ec2 = account.client("ec2")
    ec2.run_instances(ImageId="ami-0abcdef1234567890", InstanceType="t3.micro", MinCount=1, MaxCount=1)
    filters = [{"Name": "private-ip-address", "Values": ["192.0.2.1"]}]
    return bool(ec2.describe_instances(Filters=filters)["Reservations"])
