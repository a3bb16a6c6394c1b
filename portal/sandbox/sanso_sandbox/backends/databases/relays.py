"""The addresses of cluster endpoints: TCP relays with fixed addresses and changing targets.

On AWS, a failover changes the address of a name. Here, names are addresses, and a running MariaDB cannot
change its address; so the sandbox listens on the endpoints' addresses, and a failover changes their targets.
A small process (relay_process.py) contains all relays and ends with the sandbox.
"""

import json
import secrets
import subprocess
import sys
import threading
from typing import Any

from sanso_sandbox.backends.databases import relay_process
from sanso_sandbox.protocols.databases import Address, Origin

STOP = 5.0  # seconds
KeptOut = dict[Address, frozenset[Origin]]  # by server

_lock = threading.Lock()
_process: "subprocess.Popen[bytes] | None" = None


class Relay:
    """A relay on one address. Raises OSError if the address is not free."""

    def __init__(self, address: Address) -> None:
        self._name = secrets.token_hex(6)
        self._leads_to: list[Address] = []
        self._kept_out: KeptOut = {}
        _command({"do": "open", "relay": self._name, "host": address[0], "port": address[1]})

    def lead(self, *targets: Address, cut: bool) -> None:
        """Relay new connections to these servers in turns; reject them without any.

        Args:
            cut: end the connections to other servers, so that their clients reconnect.
        """
        if list(targets) != self._leads_to:
            _command({"do": "lead", "relay": self._name, "to": targets, "cut": cut})
            self._leads_to = list(targets)

    def keep_out(self, origins: KeptOut) -> None:
        """Give new connections from these origins to a server no response, until the origins change."""
        if origins != self._kept_out:
            servers = [{"to": target, "from": sorted(found, key=str)} for target, found in origins.items()]
            _command({"do": "keep_out", "relay": self._name, "servers": servers})
            self._kept_out = origins

    def close(self) -> None:
        """Release the address and end its connections."""
        _command({"do": "close", "relay": self._name})


def stop() -> None:
    """End the process and with it all remaining relays."""
    global _process
    with _lock:
        process, _process = _process, None
    if process is not None and process.stdin is not None:
        process.stdin.close()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _command(command: dict[str, Any]) -> None:
    """Execute a command in the process and wait for its result. Raises OSError with the reason."""
    global _process
    with _lock:
        if _process is None:
            _process = subprocess.Popen(
                [sys.executable, "-I", "-S", relay_process.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # the sandbox handles Ctrl-C in the terminal
            )
        into, out = _process.stdin, _process.stdout
        line = b""
        if into is not None and out is not None:
            into.write(json.dumps(command).encode() + b"\n")
            into.flush()
            line = out.readline()
    error = json.loads(line)["error"] if line else "the process with the relays ended"
    if error:
        raise OSError(error)
