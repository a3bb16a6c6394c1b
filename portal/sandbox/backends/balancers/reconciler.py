"""One thread that keeps HAProxy doing what the records say: reloads for listeners, commands for targets."""

import logging
import threading
import time

from portal.sandbox.backends.balancers import addresses, haproxy_configuration
from portal.sandbox.backends.balancers.haproxy import HAProxy, Refused
from portal.sandbox.backends.balancers.haproxy_configuration import Backend, Slot
from portal.sandbox.backends.balancers.rules import groups_of
from portal.sandbox.services.elbv2 import certificates, forwarding

logger = logging.getLogger(__name__)

LOOK = 0.1  # seconds between looks at the records
STOP = 10.0
AGAIN = 5.0  # seconds until what HAProxy refused is tried again

_ended = threading.Event()
_thread: threading.Thread | None = None


def start() -> None:
    """Start the thread."""
    global _thread
    _ended.clear()
    _thread = threading.Thread(target=_keep, name="balancing", daemon=True)
    _thread.start()


def stop() -> None:
    """End HAProxy and the thread."""
    _ended.set()
    if _thread is not None:
        _thread.join(STOP)


def _keep() -> None:
    keeper = Keeper()
    try:
        pause = LOOK
        while not _ended.wait(pause):
            pause = LOOK
            try:
                keeper.look()
            except (Refused, OSError) as refused:
                pause = AGAIN
                logger.warning("HAProxy does not take what the load balancers are to do: %s", refused)
            except Exception:
                logger.exception("The listeners could not be looked at.")
    finally:
        keeper.close()


class Keeper:
    """What HAProxy does now."""

    def __init__(self) -> None:
        self._haproxy = HAProxy()
        self._haproxy.write(haproxy_configuration.ERROR_FILES)
        self._fronts: list[str] = []
        self._backends: dict[str, Backend] = {}
        self._certificates: set[str] = set()

    def look(self) -> None:
        """Bring HAProxy up to what the records say now."""
        listeners = sorted(forwarding.listeners(), key=lambda one: (one.key[1], one.port))
        addresses.forget_deleted()
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
                    name, listener.speaks_http, listener.idle, list(before.slots if before else [])
                )
                enough &= backend.place(forwarding.targets(listener.key[0], group), time.monotonic())
                backends[name] = backend
        if not fronts and not self._haproxy.running():
            return
        if fronts != self._fronts or not enough or backends.keys() != self._backends.keys():
            self._write_certificates(listeners)
            self._reload(fronts, backends)
        elif not self._haproxy.running():
            self._reload(fronts, backends)
        else:
            self._tell(backends)
        self._fronts, self._backends = fronts, backends

    def _write_certificates(self, listeners: list[forwarding.Listener]) -> None:
        for listener in listeners:
            name = haproxy_configuration.certificate_file(listener)
            if listener.encrypted and name not in self._certificates:
                self._haproxy.write({name: certificates.pem(listener)})
                self._certificates.add(name)

    def _reload(self, fronts: list[str], backends: dict[str, Backend]) -> None:
        lines = [line for name in sorted(backends) for line in backends[name].lines()]
        self._haproxy.apply("\n".join([haproxy_configuration.START, *fronts, *lines, ""]))

    def _tell(self, backends: dict[str, Backend]) -> None:
        changes = [
            (slot, change(f"{name}/s{number}", before, slot))
            for name, backend in backends.items()
            for number, (before, slot) in enumerate(
                zip(self._backends[name].slots, backend.slots, strict=True)
            )
            if before != slot
        ]
        # First who takes requests from now on: there must be no moment at which nobody does.
        changes.sort(key=lambda change: 2 if change[0].target is None else not change[0].target.takes)
        commands = [command for _slot, some in changes for command in some]
        answer = self._haproxy.tell(commands) if commands else ""
        if "No such" in answer or "nknown" in answer:
            raise Refused(answer)

    def close(self) -> None:
        """End HAProxy."""
        self._haproxy.stop()


def change(server: str, before: Slot, after: Slot) -> list[str]:
    """Say in commands what becomes of a slot; what is left on a target that is gone is ended in the end."""
    target = after.target
    moved = target is None or before.target is None or before.target.place != target.place
    commands = []
    if before.target is not None and moved:
        commands.append(f"set server {server} state maint")
    if before != Slot() and moved and after.left is None:
        commands.append(f"shutdown sessions server {server}")
    if target is not None:
        if moved:
            commands.append(f"set server {server} addr {target.place[0]} port {target.place[1]}")
        commands += [f"set server {server} weight {int(target.takes)}", f"set server {server} state ready"]
    return commands
