"""Template sets from stored archives, and from files that were fetched from outside."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import Paths, refused
from deployments.template_sets.template_files import manifest
from deployments.template_sets.template_files.manifest import MANIFEST, sources
from deployments.template_sets.template_files.template_set import TemplateSet, read

_SET = "set"
"""The name of the file in the archive with the location of the set's folder."""
UNPACKED = 8
"""Maximum number of sets that a process keeps unpacked."""


def packed(template_set: TemplateSet) -> bytes:
    """Return the archive of a set. It has the folder's location, since a set may refer to files beside it."""
    whole, files = _files(template_set)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_SET), template_set.folder.resolve().relative_to(whole).as_posix())
        for path in sorted(files):
            archive.write(path, _name(path, whole))
    return buffer.getvalue()


def _files(template_set: TemplateSet) -> tuple[Path, set[Path]]:
    """Return the files of a set, and the folder that they are all in."""
    files = {*template_set.templates}
    for artifact in template_set.artifacts:
        files |= {path for _, path in sources(artifact)}
    if (template_set.folder / MANIFEST).exists():
        files.add(template_set.folder / MANIFEST)
    whole = os.path.commonpath([template_set.folder.resolve(), *(path.resolve() for path in files)])
    return Path(whole), files


def _name(path: Path, whole: Path) -> str:
    return f"files/{path.resolve().relative_to(whole).as_posix()}"


class _Folder:
    """A folder that is deleted with this object, and with the process."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="sanso-set-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@lru_cache(maxsize=UNPACKED)
def unpacked(archive: bytes) -> TemplateSet:
    """Return the set of an archive, unpacked into a folder that exists as long as the set is used.

    Threads that unpack the same archive at the same time use separate folders. Raise UserFixable if this
    version cannot read it.
    """
    at = _Folder()
    with zipfile.ZipFile(io.BytesIO(archive)) as packed_set:
        packed_set.extractall(at.path)
        folder = packed_set.read(_SET).decode()
    return read(at.path / "files" / folder, held=at)


def with_templates(template_set: TemplateSet, texts: Mapping[str, str]) -> TemplateSet:
    """Return a set with the texts of some templates replaced, by file name; the same set if none differs.

    Raise UserFixable if the result is not a valid template set.
    """
    by_name = {path.name: path for path in template_set.templates}
    differing = {
        by_name[name]: text.encode()
        for name, text in texts.items()
        if name in by_name and by_name[name].read_text("utf-8").strip() != text.strip()
    }
    return with_files(template_set, differing) if differing else template_set


def with_files(template_set: TemplateSet, bodies: Mapping[Path, bytes]) -> TemplateSet:
    """Return a set with other contents of some of its files. Raise UserFixable if it is not valid."""
    whole, _all = _files(template_set)
    replaced = {_name(path, whole): body for path, body in bodies.items()}
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(packed(template_set))) as before,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            after.writestr(name, replaced.get(name) or before.read(name))
    return unpacked(buffer.getvalue())


def as_template_set(files: Mapping[str, bytes], path: str) -> TemplateSet:
    """Return the template set in a folder of fetched files, "" for the topmost one.

    Raise UserFixable if it is not a template set, or if it refers to anything except these files.
    """
    with _folder(files, path) as folder:
        return unpacked(packed(read(folder)))


def check(files: Mapping[str, bytes], path: str) -> None:
    """Raise UserFixable if fetched files are not a template set, or a value in its manifest is not allowed.

    This evaluates what the set brings: call it in a process with limits.
    """
    with _folder(files, path) as folder:
        read(folder, checks_values=True)


@contextmanager
def _folder(files: Mapping[str, bytes], path: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sanso-set-") as name:
        root = Path(name).resolve()
        _write(files, root)
        folder = (root / path.strip("/")).resolve()
        for artifact in manifest.read(folder).artifacts:
            named = [artifact.folder, artifact.module, *(source for _, source in artifact.also)]
            for source in filter(None, named):
                if not source.resolve().is_relative_to(root):
                    raise refused(Code.SOURCE_OUTSIDE, path=str(source.name))
        yield folder


def _write(files: Mapping[str, bytes], root: Path) -> None:
    paths = Paths()
    for path, body in files.items():
        paths.add(path)
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
