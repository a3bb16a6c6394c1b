"""Only addresses of the internet are public, in whatever form they are written.

The rows are those of IANA's registries, https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry.
"""

from __future__ import annotations

import ipaddress

import pytest

from deployments.aws.site_address import is_allowed
from deployments.common.rules.public_addresses import embedded, is_public

SPECIAL = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"),
)
SPECIAL_6 = (
    *("::1/128", "::/128", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"),
    *("5f00::/16", "fc00::/7", "fd00:ec2::/64", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/3", "200::/7"),
)


def ends(network: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return the first and the last address of a network."""
    found = ipaddress.ip_network(network)
    return [found[0], found[-1]]


@pytest.mark.parametrize("network", [*SPECIAL, *SPECIAL_6])
def test_an_address_of_a_special_purpose_is_not_public(network: str) -> None:
    for address in ends(network):
        assert not is_public(address)
        assert not is_allowed(str(address), internal=False)


@pytest.mark.parametrize("network", SPECIAL)
def test_an_ipv6_address_that_stands_for_one_is_not_public(network: str) -> None:
    for address in ends(network):
        number = int(address)
        for form in (
            ipaddress.IPv6Address((0xFFFF << 32) | number),  # mapped
            ipaddress.IPv6Address(number),  # compatible, deprecated
            ipaddress.IPv6Address((0x0064_FF9B << 96) | number),  # NAT64
            ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),  # 6to4
        ):
            assert not is_public(form), form


@pytest.mark.parametrize(
    "text",
    [
        *("1.1.1.1", "8.8.8.8", "52.95.110.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1"),
        *("198.20.0.1", "223.255.255.254", "2600:1f18::1", "2a00:1450:4001::8", "2001:4860:4860::8888"),
        *("2400:cb00::1", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1"),
    ],
)
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_the_site_of_an_environment_is_not_called_by_a_form_that_stands_for_another_address() -> None:
    for text in ("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"):
        assert str(embedded(ipaddress.ip_address(text))) == "8.8.8.8"
        assert not is_allowed(text, internal=True)
