"""A program that ends with this process, even if this process is killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sanso_sandbox.supervision import die_with_parent


class Child:
    """A program's process, which can be started again after its end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        """Initialize without starting.

        Args:
            log: the program's output is appended to it.
            environment: the complete environment; by default this process's own.
            folder: the initial folder.
            inherited: descriptors of this process that the program inherits.
        """
        self.command = list(command)
        self.log = log
        self._environment, self._folder = environment, folder
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program without waiting. Raises OSError."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", die_with_parent.__file__, *self.command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=self._inherited,
                start_new_session=True,  # the sandbox handles Ctrl-C in the terminal, and ends this
            )

    @property
    def group(self) -> int | None:
        """The process group of the program and its children; None if it has not been started."""
        return self._process.pid if self._process else None

    def running(self) -> bool:
        """Return whether the program runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout: float) -> None:
        """Terminate the program, kill it after the timeout, and wait for its end."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill the program and its children, even if they are frozen, and wait for its end."""
        process = self._process
        if process is not None:
            self._signal(signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def freeze(self) -> None:
        """Freeze the program without ending it."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        pid = self._process.pid
        if self._process.returncode is not None and Path(f"/proc/{pid}").exists():
            return  # no process of its group is left, and its number is another one's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)

    def tail(self, size: int = 2000) -> str:
        """Return the end of the log."""
        try:
            return self.log.read_text(errors="replace")[-size:]
        except OSError as failed:
            return str(failed)
