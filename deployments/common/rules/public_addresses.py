"""Which IP addresses are of the internet, by IANA's registries of special-purpose addresses.

https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry. Of IPv6, only
2000::/3 is assigned to networks (https://www.iana.org/assignments/ipv6-address-space): whatever is outside is
refused, so that a form of address that nobody thought of is refused as well.
"""

from __future__ import annotations

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata service of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation, as 198.51.100.0/24 and 203.0.113.0/24
        "192.88.99.0/24",  # relays of 6to4, deprecated
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation, as 3fff::/20
        "3fff::/20",
    )
)


def embedded(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64); otherwise itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_public(address: Address) -> bool:
    """Return whether an address, and the one that it stands for, is of the internet."""
    meant = embedded(address)
    if isinstance(meant, ipaddress.IPv6Address) and meant not in _GLOBAL:
        return False
    return not any(meant in network for network in _SPECIAL)
