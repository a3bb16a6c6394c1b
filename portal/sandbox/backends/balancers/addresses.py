"""Where load balancers are: an address each, and the DNS name that leads there."""

import threading

from ministack.services import alb

from portal.sandbox.backends.loopback import BALANCERS, SHARED, Address

HTTP = 80

_enabled = threading.Event()
_lock = threading.Lock()
_places: dict[str, Address] = {}
_names: dict[str, str] = {}
_seen: set[str] = set()


def enable() -> None:
    """Give load balancers addresses from now on."""
    _enabled.set()


def name_of(load_balancer: str, kind: str, aws_name: str) -> str:
    """Choose the DNS name of a new load balancer: an address that opens on this machine.

    An application load balancer whose port 80 cannot be bound carries another port in its name, so that
    http://NAME/ opens all the same. A network one on a shared address keeps the name of AWS's form, which
    `resolve` knows. While nothing is served every name is of AWS's form.
    """
    if not _enabled.is_set() or kind not in ("application", "network"):
        return aws_name
    address = Address(BALANCERS)
    name = aws_name if address.host == SHARED else address.host
    if kind == "application":
        port = address.port(HTTP)
        name = address.host if port == HTTP else f"{address.host}:{port}"
    with _lock:
        _places[load_balancer] = address
        _names[name] = load_balancer
    return name


def resolve(name: str, port: int) -> tuple[str, int]:
    """Tell where a load balancer's name and port lead; a name of anything else leads to itself."""
    with _lock:
        address = _places.get(_names.get(name, ""))
    return (name, port) if address is None else (address.host, address.port(port))


def of(load_balancer: str) -> Address | None:
    """Find a load balancer's address."""
    with _lock:
        return _places.get(load_balancer)


def forget_deleted() -> None:
    """Release the addresses of load balancers that were there and are gone."""
    present = {key for (_account, _region, key), _record in alb._lbs.all_items()}
    with _lock:
        _seen.update(present)
        for key in _seen - present:
            _seen.discard(key)
            address = _places.pop(key, None)
            if address is not None:
                address.release()
        for name in [name for name, key in _names.items() if key not in _places]:
            del _names[name]
