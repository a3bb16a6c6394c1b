"""The HAProxy of a sandbox: one process for all load balancers, told through its sockets. No records here."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from portal.sandbox.supervision import die_with_parent

PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"))
START = 30.0  # seconds
STOP = 5.0
ANSWER = 10.0
RUNTIME = "runtime.sock"
MASTER = "master.sock"


class Refused(Exception):
    """HAProxy would not do it; the message is its own."""


def program() -> str | None:
    """Find HAProxy on PATH or where packages put servers."""
    return shutil.which("haproxy", path=os.pathsep.join((os.environ.get("PATH", ""), PLACES)))


class HAProxy:
    """A process and its folder. Every method raises Refused or OSError when it does not go."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="balancers-"))
        self._process: subprocess.Popen[bytes] | None = None

    def running(self) -> bool:
        """Tell whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put files, such as certificates, beside the configuration."""
        for name, content in files.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_bytes(content)

    def apply(self, configuration: str) -> None:
        """Start with a configuration, or take it in place of the present one without dropping anything."""
        self.write({"next.cfg": configuration.encode()})
        checked = self._run("-c", "-f", "next.cfg")
        if checked.returncode:
            raise Refused(checked.stderr[-2000:])
        (self._folder / "next.cfg").replace(self._folder / "haproxy.cfg")
        if self.running():
            self._ask(MASTER, "reload")
        else:
            self._start()
        self._wait_until_it_answers()

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [program() or "haproxy", *arguments]
        return subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False)

    def _start(self) -> None:
        for name in (RUNTIME, MASTER):
            (self._folder / name).unlink(missing_ok=True)
        command = [program() or "haproxy", "-W", "-S", f"unix@{MASTER}", "-f", "haproxy.cfg"]
        with (self._folder / "haproxy.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", die_with_parent.__file__, *command],
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START
        while True:
            try:
                self.tell(["show version"])
            except OSError:
                if time.monotonic() > deadline or not self.running():
                    tail = (self._folder / "haproxy.log").read_text(errors="replace")[-2000:]
                    raise Refused(tail) from None
                time.sleep(0.02)
            else:
                return

    def tell(self, commands: list[str]) -> str:
        """Send commands to the process that takes connections now, and return its answers."""
        return self._ask(RUNTIME, "; ".join(commands))

    def _ask(self, name: str, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection, self._short(name) as path:
            connection.settimeout(ANSWER)
            connection.connect(path)
            connection.sendall(command.encode() + b"\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.decode(errors="replace").strip()

    @contextlib.contextmanager
    def _short(self, name: str) -> Iterator[str]:
        """Spell a socket's path in few bytes, of which the kernel allows no more than 107."""
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
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
