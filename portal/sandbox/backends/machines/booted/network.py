"""How machines and this host reach each other: routes between loopback addresses, and nothing else.

Databases, load balancers and the sandbox's API listen on loopback addresses of this host, and templates carry
these addresses as values. A machine therefore gets one of them, too, on a cable (veth) to the host: the host
routes it into the cable, the machine routes the host's networks into it, and `route_localnet` on the cable's
two ends lets such addresses pass. So a value of a template means the same on both sides without any resolver,
a closed port refuses and a dead machine times out as on a real network, and no relay takes part, which would
accept what it can't deliver and would make each TCP health check succeed.

The private address that EC2 reports is on the machine as well, but the host has no route to it: two
environments usually have the same range, and it may be a network that the host itself is in. 127.0.0.0/8 is
used by nothing else. There is no default route: a machine reaches loopback addresses from 127.64.0.0 up, no
others.
"""

import random
import secrets
import threading

HOST = "127.240.0.1"  # the host, as machines see it; the sandbox's API answers there
REACHABLE = ("127.64.0.0/10", "127.128.0.0/9")  # databases; load balancers and the host
NUMBERS = range(224, 240)  # second number of machines' addresses

_lock = threading.Lock()
_taken: set[str] = set()


def take() -> str:
    """Choose an address that no machine of this sandbox has.

    Another sandbox's machine may have it, by a chance of one in a million; its route then can't be added.
    """
    while True:
        address = f"127.{random.choice(NUMBERS)}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311
        with _lock:
            if address not in _taken:
                _taken.add(address)
                return address


def release(address: str) -> None:
    """Give an address back."""
    with _lock:
        _taken.discard(address)


def cable() -> str:
    """Name a new cable's end on the host."""
    return f"sanso-{secrets.token_hex(4)}"
