"""Load balancers served by HAProxy: a thread updates HAProxy when the records change.

Changed listeners and rules cause a reload; changed targets cause commands.
"""

import logging
import threading
import time

from sanso_sandbox.backends import certificates, loopback
from sanso_sandbox.backends.balancers import haproxy_configuration
from sanso_sandbox.backends.balancers.addresses import Addresses
from sanso_sandbox.backends.balancers.haproxy import ChangeRefused, HAProxy
from sanso_sandbox.backends.balancers.haproxy_configuration import Backend, Slot, address_of
from sanso_sandbox.backends.balancers.listeners import ServedListener, served
from sanso_sandbox.backends.balancers.rules import groups_of
from sanso_sandbox.protocols.balancers import Address, Forwarding

logger = logging.getLogger(__name__)

INTERVAL = 0.1  # seconds between reads of the records
STOP = 10.0
SILENT_HTTP, SILENT_TCP = 10504, 10505  # ports of what stands for targets that are not reached
RETRY = 5.0  # seconds until a change that HAProxy rejected is tried again


class HAProxyBalancers:
    """Load balancers with separate addresses, served by HAProxy."""

    name = "haproxy"

    def __init__(self) -> None:
        self._addresses = Addresses()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def name_of(self, load_balancer: str, kind: str, aws_name: str) -> str:
        """Choose the DNS name of a new load balancer: an address that opens on this machine."""
        return self._addresses.name_of(load_balancer, kind, aws_name)

    def resolve(self, name: str, port: int) -> Address:
        """Return the address of a load balancer's name and port; return other names and ports unchanged."""
        return self._addresses.resolve(name, port)

    def start(self, forwarding: Forwarding) -> None:
        """Start the thread."""
        reconciler = BalancerReconciler(forwarding, self._addresses)
        self._thread = threading.Thread(
            target=self._run, args=(reconciler,), name="load-balancers", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End HAProxy and the thread."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(STOP)

    def _run(self, reconciler: "BalancerReconciler") -> None:
        try:
            pause = INTERVAL
            while not self._ended.wait(pause):
                pause = INTERVAL
                try:
                    reconciler.reconcile()
                except (ChangeRefused, OSError) as refused:
                    pause = RETRY
                    logger.warning("HAProxy refused what the load balancers are to do: %s", refused)
                except Exception:
                    logger.exception("The load balancers could not be brought up to date.")
        finally:
            reconciler.close()


class BalancerReconciler:
    """The current configuration of HAProxy, and its updates."""

    def __init__(self, forwarding: Forwarding, addresses: Addresses) -> None:
        self._forwarding, self._addresses = forwarding, addresses
        self._haproxy = HAProxy()
        silent = loopback.Address(loopback.BALANCERS)
        self._silent = (silent.host, silent.port(SILENT_HTTP)), (silent.host, silent.port(SILENT_TCP))
        self._haproxy.write(haproxy_configuration.ERROR_FILES)
        self._fronts: list[str] = []
        self._backends: dict[str, Backend] = {}
        self._certificates: set[str] = set()

    def reconcile(self) -> None:
        """Update HAProxy to the current records."""
        forwarding = self._forwarding
        listeners = sorted(served(forwarding, self._addresses), key=lambda one: (one.key[1], one.port))
        self._addresses.release_all_but(forwarding.load_balancers())
        fronts: list[str] = []
        backends: dict[str, Backend] = {}
        enough = True
        for listener in listeners:
            rules = forwarding.rules(listener.key)
            if not rules:
                continue
            fronts += haproxy_configuration.frontend(listener, rules)
            for group in {group for rule in rules for group, _weight in groups_of(rule.action)}:
                name = haproxy_configuration.backend_name(group, listener)
                before = self._backends.get(name)
                backend = Backend(
                    name,
                    listener.speaks_http,
                    listener.listener.idle,
                    self._silent[not listener.speaks_http],
                    list(before.slots if before else []),
                )
                enough &= backend.assign(forwarding.targets(listener.key[0], group), time.monotonic())
                backends[name] = backend
        if not fronts and not self._haproxy.running():
            return
        if fronts != self._fronts or not enough or backends.keys() != self._backends.keys():
            self._write_certificates(listeners)
            self._reload(fronts, backends)
        elif not self._haproxy.running():
            self._reload(fronts, backends)
        else:
            self._update(backends)
        self._fronts, self._backends = fronts, backends

    def _write_certificates(self, listeners: list[ServedListener]) -> None:
        for listener in listeners:
            name = haproxy_configuration.certificate_file(listener)
            if listener.encrypted and name not in self._certificates:
                self._haproxy.write({name: self._certificate(listener)})
                self._certificates.add(name)

    def _certificate(self, listener: ServedListener) -> bytes:
        """Return the imported certificate of a listener, or a self-signed one for its address."""
        found = self._forwarding.certificate(listener.key[0], listener.listener.certificate)
        host = listener.address.host
        return found.pem or certificates.self_signed([host], found.domain or host, "localhost", found.domain)

    def _reload(self, fronts: list[str], backends: dict[str, Backend]) -> None:
        lines = [line for name in sorted(backends) for line in backends[name].lines()]
        silent = haproxy_configuration.silent(*self._silent)
        self._haproxy.apply("\n".join([haproxy_configuration.START, *silent, *fronts, *lines, ""]))

    def _update(self, backends: dict[str, Backend]) -> None:
        changes = [
            (slot, change(f"{name}/s{number}", before, slot, backend.silent))
            for name, backend in backends.items()
            for number, (before, slot) in enumerate(
                zip(self._backends[name].slots, backend.slots, strict=True)
            )
            if before != slot
        ]
        # Servers that start to take requests come first, so that there is always one.
        changes.sort(key=lambda change: 2 if change[0].target is None else not change[0].target.takes)
        commands = [command for _slot, some in changes for command in some]
        answer = self._haproxy.run(commands) if commands else ""
        if "No such" in answer or "nknown" in answer:
            raise ChangeRefused(answer)

    def close(self) -> None:
        """End HAProxy."""
        self._haproxy.stop()


def change(server: str, before: Slot, after: Slot, silent: Address) -> list[str]:
    """Return the commands for a change of a slot. Connections to a removed target are closed.

    Connections to a drained target stay open if they may outlive its deregistration.
    """
    target = after.target
    now = None if target is None else address_of(target, silent)
    moved = now is None or before.target is None or address_of(before.target, silent) != now
    commands = []
    if before.target is not None and moved:
        commands.append(f"set server {server} state maint")
    outlived = before.target is not None and before.target.outlived and not before.target.takes
    if before != Slot() and moved and after.left is None and not outlived:
        commands.append(f"shutdown sessions server {server}")
    if target is not None and now is not None:
        if moved:
            commands.append(f"set server {server} addr {now[0]} port {now[1]}")
        commands += [f"set server {server} weight {int(target.takes)}", f"set server {server} state ready"]
    return commands
