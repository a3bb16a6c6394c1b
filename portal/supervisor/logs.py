"""Log files of limited size: NAME.log, and NAME.log.1 with earlier output."""

from __future__ import annotations

from pathlib import Path

LIMIT = 5_000_000  # bytes in one file


class BoundedLog:
    """A log that is moved to `path`.1 before it exceeds the limit."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.limit = path, limit
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        if self._file.tell() and self._file.tell() + len(data) > self.limit:
            self._file.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(data)

    def close(self) -> None:
        self._file.close()


def tail(path: Path, *, lines: int = 15) -> str:
    """Return the last lines of a log; "" if it does not exist."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
