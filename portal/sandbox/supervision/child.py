"""A program that ends with this process, however this process ends."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from portal.sandbox.supervision import die_with_parent


class Child:
    """A program's process. It may be started again after it has ended."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        """Start nothing yet.

        Args:
            log: what the program prints is appended there.
            environment: all that it gets; this process's own by default.
            folder: in which it starts.
            inherited: descriptors of this process that it has, too.
        """
        self.command = list(command)
        self.log = log
        self._environment, self._folder = environment, folder
        self._inherited = tuple(inherited)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program, and wait for nothing. Raises OSError."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", die_with_parent.__file__, *self.command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=self._inherited,
                start_new_session=True,  # Ctrl-C in the terminal is for the sandbox, which then ends this
            )

    @property
    def group(self) -> int | None:
        """The process group of the program and all that it started; None when it never was started."""
        return self._process.pid if self._process else None

    def running(self) -> bool:
        """Return whether the program runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout: float) -> None:
        """Terminate the program, kill it after that many seconds, and wait for its end."""
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
        """Kill the program and all that it started, also when it is frozen, and wait for its end."""
        process = self._process
        if process is not None:
            self._signal(signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()

    def freeze(self) -> None:
        """Stop the program from running any further, though it is there."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def tail(self, size: int = 2000) -> str:
        """Return the end of the log."""
        try:
            return self.log.read_text(errors="replace")[-size:]
        except OSError as failed:
            return str(failed)
