"""The files of a set in a source: which belong to it, and what of them is accepted."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

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
