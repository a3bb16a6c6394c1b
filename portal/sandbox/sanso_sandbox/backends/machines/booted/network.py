"""The network between machines and this host: only routes between loopback addresses.

Databases, load balancers and the sandbox's API listen on loopback addresses of this host, and templates
contain these addresses as values. A machine therefore has such an address too, on a veth pair to the host:
the host routes the address into the pair, the machine routes the host's networks into it, and
`route_localnet` on both ends lets such addresses pass. So a value in a template means the same on both sides
without a resolver. Closed ports reject connections, and those to a dead machine time out, as in a real
network. No relay is involved, which would accept connections that it cannot deliver, so that each TCP health
check would succeed.

The private address that EC2 reports is on the machine too, but the host has no route to it: two environments
usually have the same range, and it may be a network of the host itself. Nothing else uses 127.0.0.0/8. There
is no default route: a machine reaches loopback addresses from 127.64.0.0 up, and no others.
"""

import random
import secrets
import threading

HOST = "127.240.0.1"  # the host's address on machines, with the sandbox's API
REACHABLE = ("127.64.0.0/10", "127.128.0.0/9")  # databases; load balancers and the host
NUMBERS = range(224, 240)  # second number of machines' addresses

_lock = threading.Lock()
_taken: set[str] = set()


def take() -> str:
    """Return an address that no machine of this sandbox has.

    Another sandbox's machine may have it with a probability of one in a million; adding the route then fails.
    """
    while True:
        address = f"127.{random.choice(NUMBERS)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311
        with _lock:
            if address not in _taken:
                _taken.add(address)
                return address


def release(address: str) -> None:
    """Release an address."""
    with _lock:
        _taken.discard(address)


def cable() -> str:
    """Return a name for the host's end of a new veth pair."""
    return f"sanso-{secrets.token_hex(4)}"
