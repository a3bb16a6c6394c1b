"""Addresses of load balancers, and the DNS names that resolve to them."""

import threading

from sanso_sandbox.backends.loopback import BALANCERS, SHARED, Address

HTTP = 80


class Addresses:
    """The addresses and names of the existing load balancers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._addresses: dict[str, Address] = {}
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()

    def name_of(self, load_balancer: str, kind: str, aws_name: str) -> str:
        """Choose the DNS name of a new load balancer: an address that opens on this machine.

        If port 80 of an application load balancer cannot be bound, its name contains another port, so that
        http://NAME/ opens anyway. A network load balancer on a shared address has a name of AWS's form, which
        only `resolve` resolves.
        """
        if kind not in ("application", "network"):
            return aws_name
        address = Address(BALANCERS)
        name = aws_name if address.host == SHARED else address.host
        if kind == "application":
            port = address.port(HTTP)
            name = address.host if port == HTTP else f"{address.host}:{port}"
        with self._lock:
            self._addresses[load_balancer] = address
            self._names[name] = load_balancer
        return name

    def resolve(self, name: str, port: int) -> tuple[str, int]:
        """Return the address of a load balancer's name and port; return other names and ports unchanged."""
        with self._lock:
            address = self._addresses.get(self._names.get(name, ""))
        return (name, port) if address is None else (address.host, address.port(port))

    def of(self, load_balancer: str) -> Address | None:
        """Return a load balancer's address."""
        with self._lock:
            return self._addresses.get(load_balancer)

    def release_all_but(self, present: set[str]) -> None:
        """Release the addresses of load balancers that an earlier `present` contained and this one lacks."""
        with self._lock:
            self._seen.update(present)
            for key in self._seen - present:
                self._seen.discard(key)
                address = self._addresses.pop(key, None)
                if address is not None:
                    address.release()
            for name in [name for name, key in self._names.items() if key not in self._addresses]:
                del self._names[name]
