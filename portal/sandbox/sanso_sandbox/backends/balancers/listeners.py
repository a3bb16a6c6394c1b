"""Listeners with the addresses at which they are served."""

from collections.abc import Iterator
from dataclasses import dataclass

from sanso_sandbox.backends.balancers.addresses import Addresses
from sanso_sandbox.backends.loopback import Address
from sanso_sandbox.protocols.balancers import Forwarding, Key, Listener

ENCRYPTED = ("HTTPS", "TLS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedListener:
    """A listener, and the address and port on which it is served."""

    listener: Listener
    address: Address
    port: int

    @property
    def key(self) -> Key:
        return self.listener.key

    @property
    def speaks_http(self) -> bool:
        return self.listener.protocol in ("HTTP", "HTTPS")

    @property
    def encrypted(self) -> bool:
        return self.listener.protocol in ENCRYPTED


def served(forwarding: Forwarding, addresses: Addresses) -> Iterator[ServedListener]:
    """Yield the listeners whose load balancer has an address."""
    for listener in forwarding.listeners():
        address = addresses.of(listener.load_balancer)
        if address is not None:
            yield ServedListener(listener=listener, address=address, port=address.port(listener.port))
