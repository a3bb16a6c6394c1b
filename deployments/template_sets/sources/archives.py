"""Uploaded archives, and which of the files of a source belong to a set. Archives are never extracted."""

from __future__ import annotations

import gzip
import io
import os
import posixpath
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Protocol

import yaml

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import Paths, beside, refused
from deployments.template_sets.sources.spec import MB, FetchLimits

MANIFEST = "template-set.yaml"
_TEMPLATES = (".yaml", ".yml", ".json", ".template")
_LFS = b"version https://git-lfs.github.com/spec/"
"""How a pointer begins: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """A regular file of a source. `size` is what the source says; what is read is checked again."""

    path: str
    size: int
    read: Callable[[], bytes] = field(repr=False)


class SourceTree(Protocol):
    """The files of a source, or of one commit."""

    def walk(self, path: str) -> Iterator[SourceEntry]:
        """Yield the files below a folder, or the file at the path; nothing if there is none.

        Raise UserFixable at what is neither a regular file nor a folder.
        """
        ...


def collect(tree: SourceTree, path: str, limits: FetchLimits) -> dict[str, bytes]:
    """Return the files of the set in a folder of a source, and those that its manifest refers to.

    Raise UserFixable if one is not accepted, if there are too many or too large ones, or none.
    """
    path = beside("", path.strip("/"))
    files = _Files(limits, path)
    for entry in tree.walk(path):
        files.add(entry)
    if not files.found:
        raise refused(Code.SOURCE_FOLDER_MISSING, path=path or "/")
    for reference in _references(files.found.get(posixpath.join(path, MANIFEST), b"")):
        for entry in tree.walk(beside(path, reference)):
            files.add(entry)
    return files.found


class _Files:
    def __init__(self, limits: FetchLimits, folder: str) -> None:
        self.found: dict[str, bytes] = {}
        self._limits, self._folder = limits, folder
        self._paths = Paths()
        self._size = 0

    def add(self, entry: SourceEntry) -> None:
        """Read a file, unless the same one was read. Raise UserFixable if it is not accepted."""
        if entry.path in self.found:
            return
        self._paths.add(entry.path)
        if len(self.found) >= self._limits.files:
            raise refused(Code.SOURCE_TOO_MANY_FILES, limit=self._limits.files)
        limit = self._limit(entry.path)
        self._check(entry.path, entry.size, limit)
        body = entry.read()
        self._check(entry.path, len(body), limit)
        if body.startswith(_LFS):
            raise refused(Code.SOURCE_LFS_POINTER, path=entry.path)
        self._size += len(body)
        self.found[entry.path] = body

    def _limit(self, path: str) -> int:
        folder, name = posixpath.split(path)
        is_template = folder == self._folder and name.endswith(_TEMPLATES)
        return self._limits.template if is_template else self._limits.file

    def _check(self, path: str, size: int, limit: int) -> None:
        if size > limit:
            raise refused(Code.SOURCE_FILE_TOO_LARGE, path=path, limit=megabytes(limit))
        if self._size + size > self._limits.unpacked:
            raise unpacked_too_large(self._limits)


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's functions in a manifest as None: they refer to no file."""


_Loader.add_multi_constructor("!", lambda _loader, _tag, _node: None)


def _references(manifest: bytes) -> Iterator[str]:
    """Yield the folders and modules that a manifest refers to. What it gets wrong is left to the catalog."""
    try:
        content = yaml.load(manifest, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    artifacts = content.get("artifacts") if isinstance(content, dict) else None
    for artifact in artifacts if isinstance(artifacts, list) else []:
        if isinstance(artifact, dict):
            also = artifact.get("also")
            named = [artifact.get("folder"), artifact.get("module")]
            named += also.values() if isinstance(also, dict) else []
            yield from (name for name in named if isinstance(name, str) and name)


def megabytes(size: int) -> str:
    """Return a number of bytes in MB for a message."""
    return f"{size / MB:g}"


def unpacked_too_large(limits: FetchLimits) -> UserFixable:
    """Return the error about a source whose files are too large together."""
    return refused(Code.SOURCE_UNPACKED_TOO_LARGE, limit=megabytes(limits.unpacked))


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
