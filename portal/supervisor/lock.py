"""One run per data folder: a file lock that the kernel releases when the last process holding it ends."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

WAIT = 10.0  # seconds: longer than the guard takes to end the processes of a killed run


class AlreadyRunning(Exception):
    """Raised when another run uses this data folder; the message has its address."""


class RunLock:
    """The lock `folder`/run.lock; the file has the process id and address of the run.

    The guard inherits the lock, so that a new run waits until the processes of a killed one have ended.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: IO[str] = (folder / "run.lock").open("a+")

    def __enter__(self) -> Self:
        deadline = time.monotonic() + WAIT
        while not self._taken():
            pid, url = self._noted()
            if is_alive(pid) or time.monotonic() > deadline:
                self._file.close()
                raise AlreadyRunning(f"Sanso is already running here: {url or 'starting'} (process {pid})")
            time.sleep(0.1)
        self.note("")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.truncate(0)
        self._file.close()

    def fileno(self) -> int:
        """Return the descriptor that a process must inherit to have the lock too."""
        return self._file.fileno()

    def note(self, url: str) -> None:
        """Write the process id and the address to the file."""
        self._file.truncate(0)
        self._file.write(json.dumps({"pid": os.getpid(), "url": url}))
        self._file.flush()

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _noted(self) -> tuple[int, str]:
        self._file.seek(0)
        try:
            noted = json.loads(self._file.read())
            return int(noted["pid"]), str(noted["url"])
        except (ValueError, KeyError):
            return 0, ""  # the holder is starting or ending


def is_alive(pid: int) -> bool:
    """Return whether a process with this id runs."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
