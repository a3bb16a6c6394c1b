"""Uploaded archives: zip, tar and tar.gz. Their members are read one by one and never extracted."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import Paths, refused
from deployments.template_sets.sources.content import SourceEntry, unpacked_too_large
from deployments.template_sets.sources.spec import MB, FetchLimits

_GZIP = b"\x1f\x8b"
_ZIP = b"PK"
_ENCRYPTED = 1
"""https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.4.4"""


class Archive:
    """The files of an archive, all read when it is opened."""

    def __init__(self, file: IO[bytes], limits: FetchLimits) -> None:
        """Read an archive. Raise UserFixable if it is not one, or is refused."""
        self._entries: dict[str, SourceEntry] = {}
        self._limits = limits
        self._size, self._packed = 0, file.seek(0, os.SEEK_END)
        file.seek(0)
        paths = Paths()
        start = file.read(2)
        file.seek(0)
        try:
            for entry in self._zip(file) if start == _ZIP else self._tar(file, is_packed=start == _GZIP):
                paths.add(entry.path)
                if len(self._entries) >= limits.files:
                    raise refused(Code.SOURCE_TOO_MANY_FILES, limit=limits.files)
                self._entries[entry.path] = entry
        except (UserFixable, MemoryError):
            raise
        except Exception as exc:  # zipfile and tarfile raise many kinds of errors
            raise invalid(exc) from exc

    def walk(self, path: str) -> Iterator[SourceEntry]:
        """Yield the files below a folder, or the file at the path."""
        below = f"{path}/" if path else ""
        yield from (e for name, e in self._entries.items() if name == path or name.startswith(below))

    def below_its_folder(self, path: str) -> str:
        """Return a path in the archive.

        Archives that Git servers make have one folder, named after the version, around everything.
        """
        tops = {name.partition("/")[0] for name in self._entries}
        has_files = any("/" not in name for name in self._entries)
        if len(tops) != 1 or has_files or any(self.walk(path) if path else ()):
            return path
        return f"{tops.pop()}/{path}".rstrip("/")

    def _add(self, path: str, size: int, read: Callable[[int], bytes]) -> SourceEntry:
        if self._size + size > self._limits.unpacked:
            raise unpacked_too_large(self._limits)
        if self._size + size > self._limits.ratio * self._packed + MB:
            raise refused(Code.SOURCE_PACKED_TOO_TIGHTLY, ratio=self._limits.ratio)
        body = read(size + 1)
        if len(body) != size:
            raise ValueError(f"{path} has another size than the archive says")
        self._size += size
        return SourceEntry(path=path, size=size, read=lambda: body)

    def _zip(self, file: IO[bytes]) -> Iterator[SourceEntry]:
        with zipfile.ZipFile(file) as archive:
            for info in archive.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if info.flag_bits & _ENCRYPTED:
                    raise refused(Code.SOURCE_ARCHIVE_ENCRYPTED)
                if kind == stat.S_IFLNK:
                    raise refused(Code.SOURCE_LINK, path=info.filename)
                if info.is_dir() and kind in (0, stat.S_IFDIR):
                    continue
                if kind not in (0, stat.S_IFREG):
                    raise refused(Code.SOURCE_NOT_A_FILE, path=info.filename)
                with archive.open(info) as member:
                    yield self._add(info.orig_filename, info.file_size, member.read)

    def _tar(self, file: IO[bytes], *, is_packed: bool) -> Iterator[SourceEntry]:
        unpacked = _Capped(gzip.GzipFile(fileobj=file) if is_packed else file, self._limits)
        with tarfile.open(fileobj=io.BufferedReader(unpacked), mode="r|") as archive:
            for info in archive:
                path = info.name.removeprefix("./")
                if info.issym() or info.islnk():
                    raise refused(Code.SOURCE_LINK, path=path)
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    raise refused(Code.SOURCE_NOT_A_FILE, path=path)
                if member := archive.extractfile(info):
                    yield self._add(path, info.size, member.read)


class _Capped(io.RawIOBase):
    """The unpacked stream of a tar. Raise UserFixable if it is longer than its files may be with headers."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, limits: FetchLimits) -> None:
        self._stream, self._limits = stream, limits
        self._left = limits.unpacked + limits.files * 10 * tarfile.BLOCKSIZE

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader passes
        body = self._stream.read(len(buffer))
        self._left -= len(body)
        if self._left < 0:
            raise unpacked_too_large(self._limits)
        buffer[: len(body)] = body
        return len(body)


def invalid(why: Exception) -> UserFixable:
    """Return the error about an archive that cannot be read."""
    return UserFixable("SourceRefused", Code.SOURCE_ARCHIVE_INVALID, why=str(why) or type(why).__name__)
