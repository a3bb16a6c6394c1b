"""The address that a request comes from: as records show it, and as attempts are counted for it.

It is the connection's, or the one from a proxy that uvicorn trusts (`--forwarded-allow-ips`).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.http import HttpRequest

UNKNOWN: Final = "unknown"


def address_of(request: HttpRequest) -> str:
    """Return the client's address, "" if it has none: a Unix socket."""
    found = _parsed(request)
    return "" if found is None else str(found)


def network_of(request: HttpRequest) -> str:
    """Return what requests are counted for: IPv4, the first 64 bits of IPv6, else "unknown".

    One subscriber has a /64: https://www.rfc-editor.org/rfc/rfc6177
    """
    address = _parsed(request)
    if address is None:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
        address = address.ipv4_mapped
    return str(address)


def _parsed(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None
