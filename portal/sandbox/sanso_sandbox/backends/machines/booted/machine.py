"""A booted machine from the host's side: started, entered, shut down, switched off."""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sanso_sandbox.backends.machines.booted import init, network, requirements
from sanso_sandbox.backends.machines.booted.base_tree import Base

BOOT = 60.0  # seconds; long enough for a busy host
END = 10.0
TRUSTED = "etc/pki/ca-trust/source/anchors/sandbox.pem"  # Amazon Linux's path for additional certificates
TRIES = 3
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


class BootFailed(Exception):
    """The machine did not boot; the message contains the end of its logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootPlan:
    """The settings for booting a machine."""

    name: str
    folder: Path  # a separate folder for the files that the machine writes
    hostname: str = "machine"
    private: str = "10.0.0.4"
    environment: dict[str, str] = field(default_factory=dict)  # for every service and command
    trusted: str = ""  # certificates (PEM) that it trusts, like those in a company's image

    def files(self) -> dict[str, str]:
        """Return the files that are written into the machine before it boots."""
        settings = "".join(f'"{name}={value}" ' for name, value in self.environment.items())
        files = {
            "etc/hostname": f"{self.hostname}\n",
            "etc/hosts": f"127.0.0.1 localhost\n{self.private} {self.hostname}\n",
            "etc/machine-id": f"{hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()}\n",
            "etc/systemd/system.conf.d/instance.conf": f"[Manager]\nDefaultEnvironment={settings}\n",
        }
        if self.trusted:
            files[TRUSTED] = self.trusted
        return files


class Machine:
    """A machine that runs, or has run. Raises BootFailed if it does not boot."""

    def __init__(self, plan: BootPlan, base: Base) -> None:
        self.plan = plan
        self._ending = threading.Lock()
        self._ended = False
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for attempt in range(1, TRIES + 1):
            self.address = network.take()
            self._start(base)
            try:
                self._wait_until_up()
            except BootFailed:
                logs = self._logs()
                self._end()
                if attempt == TRIES or "File exists" not in logs:
                    raise  # otherwise another sandbox's machine has the address
            else:
                return

    def _start(self, base: Base) -> None:
        shutil.rmtree(self.plan.folder, ignore_errors=True)
        self.plan.folder.mkdir(parents=True)
        outside = os.open("/proc/self/ns/net", os.O_RDONLY)
        specification = {
            "name": self.plan.name,
            "folder": str(self.plan.folder),
            "base": base.lower(),
            "hostname": self.plan.hostname,
            "files": self.plan.files(),
            "network": outside,
            "address": self.address,
            "private": self.plan.private,
            "link": network.cable(),
            "host": network.HOST,
            "reachable": network.REACHABLE,
        }
        try:
            with (self.plan.folder / "init.log").open("wb") as log:
                self._init = subprocess.Popen(
                    [*init.COMMAND, json.dumps(specification)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={"PATH": requirements.PATH},
                    pass_fds=[outside],
                    start_new_session=True,  # the sandbox handles Ctrl-C in the terminal
                )
        finally:
            os.close(outside)
        self._listener = threading.Thread(target=self._listen, args=(self._init.stdout,), daemon=True)
        self._listener.start()

    def _listen(self, news: IO[bytes]) -> None:
        with news:
            for line in news:
                self._lines.put(line)
        self._lines.put(b"")

    def _wait_until_up(self) -> None:
        try:
            line = self._lines.get(timeout=BOOT)
        except queue.Empty:
            line = b""
        if not line:
            raise BootFailed(f"{self.plan.name} did not boot: {self._logs()}")
        self.leader = self._first_process()

    def _logs(self) -> str:
        texts = []
        for name in ("init.log", "console.log"):
            path = self.plan.folder / name
            texts.append(path.read_text(errors="replace")[-1000:] if path.exists() else "")
        return " ".join(" ".join(texts).split())

    def _first_process(self) -> int:
        """Return the host's id of the machine's process 1, a descendant of its init."""
        for pid in _below(self._init.pid):
            status = Path(f"/proc/{pid}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(numbers) > 2 and numbers[-1] == "1":
                return pid
        raise BootFailed(f"{self.plan.name} has no first process: {self._logs()}")

    @property
    def root(self) -> Path:
        """The machine's file system for access from the host; absolute links point outside of it."""
        return Path(f"/proc/{self.leader}/root")

    def running(self) -> bool:
        """Return whether the machine runs."""
        return self._init.poll() is None

    def wait(self) -> None:
        """Wait until the machine has ended."""
        self._init.wait()

    def command(self, *command: str, folder: str = "/root") -> list[str]:
        """Return a command that runs inside, with the machine's environment and none of this process."""
        environment = {**ENVIRONMENT, **self.plan.environment}
        given = [f"{name}={value}" for name, value in environment.items()]
        enter = ["nsenter", "--target", str(self.leader), "--all"]
        return [*enter, "env", "-i", f"--chdir={folder}", *given, *command]

    def run(
        self,
        *command: str,
        text: str | None = None,
        timeout: float | None = None,
        folder: str = "/root",
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command inside and wait for it. Raises subprocess.TimeoutExpired after the timeout.

        Args:
            text: the command's standard input.
        """
        given = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        return subprocess.run(
            self.command(*command, folder=folder),
            **given,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            umask=0o022,  # as after a login, not the sandbox's
            start_new_session=True,
        )

    def shut_down(self) -> None:
        """Shut the machine down, forcibly after a timeout, and wait until it has ended."""
        try:
            self._send(b"off\n")
            self._init.wait(init.SHUTDOWN + 2)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            pass
        self.switch_off()

    def switch_off(self) -> None:
        """Kill the machine at once, and remove its files."""
        with self._ending:
            if not self._ended:
                self._end()
                self._ended = True

    def _end(self) -> None:
        if self._init.stdin is not None and not self._init.stdin.closed:
            self._init.stdin.close()
        try:
            self._init.wait(END)
        except subprocess.TimeoutExpired:
            self._init.kill()
            self._init.wait()
        self._listener.join(END)
        network.release(self.address)
        _remove(self.plan.folder)
        init.remove_groups(self.plan.name)

    def _send(self, word: bytes) -> None:
        if self._init.stdin is not None:
            self._init.stdin.write(word)
            self._init.stdin.flush()


def _below(ancestor: int) -> Iterator[int]:
    children = Path(f"/proc/{ancestor}/task/{ancestor}/children")
    for child in map(int, children.read_text().split()):
        yield child
        yield from _below(child)


def _remove(folder: Path) -> None:
    """Remove a folder from which the kernel may still be unmounting."""
    for _attempt in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)
