"""`python -m sanso_sandbox`: starts the sandbox, and cleans up after it even if it is killed.

Settings come from the environment: SANSO_SANDBOX_PORT, _HOST (loopback only), _PACE, _DATA, _DATABASE,
_MACHINES, _BALANCERS, _TOKEN_FILE and _LOG_LEVEL; .env.example documents them. With `--fd N` it accepts on
an inherited socket instead of host and port.

The server is a separate process (server/), with an environment that MiniStack reads while it
is imported. This process waits for it. The server stops when this process dies.
"""

import argparse
import contextlib
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from sanso_sandbox import environment
from sanso_sandbox.backends.machines.booted import init
from sanso_sandbox.supervision import descendants
from sanso_sandbox.supervision.protection import protect

SLOWEST = 1000.0  # maximum time scale


def main() -> int:
    """Run the server until SIGTERM or SIGINT; return the exit code, 2 if the settings are invalid."""
    protect()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    descendants.adopt()
    try:
        host, port, pace = _settings()
    except ValueError as wrong:
        sys.stderr.write(f"The sandbox cannot start: {wrong}\n")
        return 2
    try:
        listener = _listener(host, port)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on {host}:{port}: {error.strerror or error}\n")
        return 2
    host, port = listener.getsockname()[:2]
    given = os.environ.get("SANSO_SANDBOX_DATA")
    folder = Path(given).resolve() if given else Path(tempfile.mkdtemp(prefix="sanso-sandbox-"))
    temporary = folder / "tmp" if given else folder
    try:
        _empty(folder / "tmp")
        (folder / "url").write_text(f"http://{host}:{port}")  # for manage.py: portal/settings.py
        return _run(listener, temporary, _server_environment(host, port, pace, folder))
    finally:
        descendants.end_and_remove(temporary)
        init.remove_groups()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Exit on a signal that arrives before the server starts, with cleanup."""
    sys.exit(0)


def _settings() -> tuple[str, int, float]:
    host = os.environ.get("SANSO_SANDBOX_HOST", "127.0.0.1")
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(
            f"SANSO_SANDBOX_HOST is {host}; it runs anybody's functions, so only loopback is allowed"
        )
    port = int(os.environ.get("SANSO_SANDBOX_PORT", "4567"))
    pace = float(os.environ.get("SANSO_SANDBOX_PACE", "1"))
    if not 0 < port < 65536 or not 0 <= pace <= SLOWEST:
        raise ValueError("SANSO_SANDBOX_PORT or SANSO_SANDBOX_PACE is out of range")
    return host, port, pace


def _listener(host: str, port: int) -> socket.socket:
    """Return the socket to accept on: the inherited one, or a new one that no other process can bind.

    Raises OSError when the address is not free.
    """
    parser = argparse.ArgumentParser(prog="python -m sanso_sandbox")
    parser.add_argument("--fd", type=int, help="accept on this inherited socket, in place of host and port")
    inherited: int | None = parser.parse_args().fd
    if inherited is not None:
        return socket.socket(fileno=inherited)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by accepted connections
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _server_environment(host: str, port: int, pace: float, folder: Path) -> dict[str, str]:
    """Return the variables that the server and MiniStack read."""
    return {
        **environment.own(os.environ),
        "BIND_HOST": host,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("SANSO_SANDBOX_LOG_LEVEL", "WARNING").upper(),
        "MINISTACK_HOST": host,
        "MINISTACK_REGION": os.environ.get("AWS_DEFAULT_REGION", "ap-northeast-1"),
        "SANSO_SANDBOX_DATA": str(folder),
        "SANSO_SANDBOX_PACE": str(pace),
        "SFTP_ENABLED": "0",
        "TMPDIR": str(folder / "tmp"),
        # The modes of MariaDB's files depend on these, not on the umask of the process.
        # https://mariadb.com/docs/server/server-management/install-and-upgrade-mariadb/configuring-mariadb/mariadb-environment-variables
        "UMASK": "0600",
        "UMASK_DIR": "0700",
    }


def _run(listener: socket.socket, temporary: Path, server_environment: Mapping[str, str]) -> int:
    """Run the server until it ends; return its exit code, 128 and more if a signal ended it unexpectedly."""
    is_requested = False
    with subprocess.Popen(
        [sys.executable, "-m", "sanso_sandbox.server", str(listener.fileno()), str(temporary)],
        env=server_environment,
        stdin=subprocess.PIPE,
        pass_fds=[listener.fileno()],
    ) as server:

        def forward(_number: int, _frame: FrameType | None) -> None:
            nonlocal is_requested
            is_requested = True
            with contextlib.suppress(ProcessLookupError):
                server.terminate()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, forward)
        listener.close()
        code = server.wait()
    if is_requested and code == -signal.SIGTERM:  # the server had not started to serve
        return 0
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
