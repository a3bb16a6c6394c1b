"""`python -m portal.sandbox`: the sandbox as a process, which ends cleanly and leaves nothing behind.

Settings come from the environment: SANSO_SANDBOX_PORT, _HOST (loopback only), _PACE, _DATA, _DATABASE,
_MACHINES, _BALANCERS, _TOKEN_FILE and _LOG_LEVEL; docs in .env.example. With `--fd N` it accepts on a socket
that it inherited, in place of host and port.
"""

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType

from portal.process import protect
from portal.sandbox import environment
from portal.sandbox.engine import access_keys, contract, start
from portal.sandbox.supervision import descendants


def main() -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code, 2 when the settings are not usable."""
    protect()
    own = environment.own(os.environ)
    os.environ.clear()
    os.environ.update(own)
    logging.basicConfig(
        level=os.environ.get("SANSO_SANDBOX_LOG_LEVEL", "WARNING").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
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
    signal.signal(signal.SIGTERM, _leave)
    with _data_folder() as folder:
        _prepare_environment(host, port, folder)
        try:
            access_keys.open_keyring(Path(os.environ.get("SANSO_SANDBOX_TOKEN_FILE") or folder / "token"))
        except (OSError, ValueError) as problem:
            sys.stderr.write(f"The sandbox cannot start: {problem}\n")
            return 2
        (folder / "url").write_text(f"http://{host}:{port}")  # for sandbox_credentials
        try:
            asyncio.run(_serve(listener, pace))
        except contract.EngineMismatch as mismatch:
            sys.stderr.write(f"The sandbox cannot start: {mismatch}\n")
            return 2
        sys.stderr.flush()
    # Threads that wait for a function's answer must not keep the process; everything is put away by now.
    os._exit(0)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End on a signal that comes before the event loop listens, and remove the data folder on the way."""
    sys.exit(0)


def _settings() -> tuple[str, int, float]:
    host = os.environ.get("SANSO_SANDBOX_HOST", "127.0.0.1")
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(
            f"SANSO_SANDBOX_HOST is {host}; it runs anybody's functions, so only loopback is allowed"
        )
    port = int(os.environ.get("SANSO_SANDBOX_PORT", "4567"))
    pace = float(os.environ.get("SANSO_SANDBOX_PACE", "1"))
    if not 0 < port < 65536 or not 0 <= pace <= 1000:  # pace.SLOWEST; MiniStack is not to be imported yet
        raise ValueError("SANSO_SANDBOX_PORT or SANSO_SANDBOX_PACE is out of range")
    return host, port, pace


def _listener(host: str, port: int) -> socket.socket:
    """Return the socket to accept on: the inherited one, or a new one that nobody can take away any more.

    Raises OSError when the address can't be had.
    """
    parser = argparse.ArgumentParser(prog="python -m portal.sandbox")
    parser.add_argument("--fd", type=int, help="accept on this inherited socket, in place of host and port")
    inherited: int | None = parser.parse_args().fd
    if inherited is not None:
        return socket.socket(fileno=inherited)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by what is accepted
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _data_folder() -> Iterator[Path]:
    """Make the folder for the sandbox's files; at the end what is temporary in it goes, by default all."""
    given = os.environ.get("SANSO_SANDBOX_DATA")
    folder = Path(given).resolve() if given else Path(tempfile.mkdtemp(prefix="sanso-sandbox-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        _remove(folder / "tmp" if given else folder)


def _remove(folder: Path) -> None:
    """Remove a folder, though a process that was started late may still be writing into it."""
    for _attempt in range(20):
        descendants.end()
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _prepare_environment(host: str, port: int, folder: Path) -> None:
    """Set what MiniStack reads from the environment while it is imported."""
    temporary = folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    os.environ.update(
        BIND_HOST=host,
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL=os.environ.get("SANSO_SANDBOX_LOG_LEVEL", "WARNING").upper(),
        MINISTACK_HOST=host,
        MINISTACK_REGION=os.environ.get("AWS_DEFAULT_REGION", "ap-northeast-1"),
        SANSO_SANDBOX_DATA=str(folder),
        SFTP_ENABLED="0",
        TMPDIR=str(temporary),
        # MariaDB's files follow these and not the umask of the process.
        # https://mariadb.com/docs/server/server-management/install-and-upgrade-mariadb/configuring-mariadb/mariadb-environment-variables
        UMASK="0600",
        UMASK_DIR="0700",
    )
    tempfile.tempdir = None


async def _serve(listener: socket.socket, pace: float) -> None:
    from portal.sandbox.engine import time_scale as paces
    from portal.sandbox.protocols import machines
    from portal.sandbox.server import control_api, fault_middleware, signed_calls, web_pages

    extensions = start.install()
    import ministack.app

    paces.change(pace)
    calls = signed_calls.SignedCalls(fault_middleware.Gate(ministack.app.app))
    application = web_pages.NoForeignPages(control_api.Control(calls, extensions))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        binds = [f"fd://{listener.fileno()}", *machines.binds(listener.getsockname()[1])]
        await start.serve(application, binds, stop)
    finally:
        _stop(extensions)


def _stop(extensions: list[ModuleType]) -> None:
    """Let every extension end what it started; one that fails does not keep the others from it."""
    from ministack.core import lambda_runtime

    lambda_runtime.reset()  # ends the processes of functions
    for extension in reversed(extensions):
        if hasattr(extension, "stop"):
            try:
                extension.stop()
            except Exception:
                logging.getLogger(__name__).exception("%s did not stop cleanly.", extension.__name__)


if __name__ == "__main__":
    sys.exit(main())
