"""Folders of this machine, where a setting allows them. No link is followed, also not by a race."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import MAX_DEPTH, refused
from deployments.template_sets.sources.archives import SourceEntry

_LEFT_OUT = {".git", "__pycache__"}
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def allowed(path: str, local_folders: tuple[str, ...]) -> Path:
    """Return the folder that a path names, without links. Raise UserFixable if no setting allows it."""
    found = Path(path).resolve()
    if not any(found.is_relative_to(Path(folder).resolve()) for folder in local_folders if folder):
        raise UserFixable("SourceRefused", Code.SOURCE_PATH_NOT_ALLOWED, "url", path=path)
    if not found.is_dir():
        raise UserFixable("SourceRefused", Code.SOURCE_FOLDER_MISSING, "url", path=path)
    return found


class Folder:
    """The files of a folder. Those of Git and of Python's caches are left out."""

    def __init__(self, root: Path, limit: int) -> None:
        """Take a folder, and the number of bytes of which no more are read of a file."""
        self._root, self._limit = root, limit

    def walk(self, path: str) -> Iterator[SourceEntry]:
        """Yield the files below a folder of it, or the file at the path."""
        at = os.open(self._root, _OPEN | os.O_DIRECTORY)
        try:
            for part in filter(None, path.split("/")):
                try:
                    inner = os.open(part, _OPEN, dir_fd=at)
                except FileNotFoundError:
                    return
                except OSError:
                    raise refused(Code.SOURCE_LINK, path=path) from None
                os.close(at)
                at = inner
            yield from self._below(at, path)
        finally:
            os.close(at)

    def _below(self, at: int, path: str) -> Iterator[SourceEntry]:
        state = os.fstat(at)
        if stat.S_ISREG(state.st_mode):
            yield SourceEntry(path=path, size=state.st_size, read=lambda: self._read(at))
        elif stat.S_ISDIR(state.st_mode):
            for name in sorted(set(os.listdir(at)) - _LEFT_OUT):
                yield from self._entry(at, f"{path}/{name}" if path else name, name)
        else:
            raise refused(Code.SOURCE_NOT_A_FILE, path=path)

    def _entry(self, at: int, path: str, name: str) -> Iterator[SourceEntry]:
        if path.count("/") >= MAX_DEPTH:
            raise refused(Code.SOURCE_NAME_NOT_ALLOWED, path=path)
        if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
            raise refused(Code.SOURCE_LINK, path=path)
        try:
            inner = os.open(name, _OPEN, dir_fd=at)
        except OSError as exc:
            raise UserFixable("SourceRefused", Code.FILE_UNREADABLE, file=path, why=exc.strerror) from exc
        try:
            yield from self._below(inner, path)
        finally:
            os.close(inner)

    def _read(self, at: int) -> bytes:
        with os.fdopen(os.dup(at), "rb") as file:
            return file.read(self._limit + 1)
