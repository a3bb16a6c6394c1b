"""The addresses that clients know: TCP relays that stay where they are while what they lead to changes.

On AWS a failover changes where a name leads. Here names are addresses, and MariaDB cannot take another one
while it runs; so the sandbox owns the endpoints' addresses, and a failover moves what stands behind them.
All relays are one small process (relay_process.py), which ends with the sandbox.
"""

import json
import secrets
import subprocess
import sys
import threading
from typing import Any

from portal.sandbox.backends.databases import relay_process
from portal.sandbox.protocols.databases import Address

STOP = 5.0  # seconds

_lock = threading.Lock()
_process: "subprocess.Popen[bytes] | None" = None


class Relay:
    """One address. Raises OSError when it is not free."""

    def __init__(self, address: Address) -> None:
        self._name = secrets.token_hex(6)
        self._leads_to: list[Address] = []
        _command({"do": "open", "relay": self._name, "host": address[0], "port": address[1]})

    def lead(self, *targets: Address, cut: bool) -> None:
        """Lead new connections to these servers, in turns; without any they are refused.

        Args:
            cut: end the connections that were led elsewhere, so that their clients connect anew.
        """
        if list(targets) != self._leads_to:
            _command({"do": "lead", "relay": self._name, "to": targets, "cut": cut})
            self._leads_to = list(targets)

    def close(self) -> None:
        """Release the address and end its connections."""
        _command({"do": "close", "relay": self._name})


def stop() -> None:
    """End the process, and with it every relay that is left."""
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
    """Let the process carry out a command, and wait for that. Raises OSError with its reason."""
    global _process
    with _lock:
        if _process is None:
            _process = subprocess.Popen(
                [sys.executable, "-I", "-S", relay_process.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C in the terminal is the sandbox's to handle
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
