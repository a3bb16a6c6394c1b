"""Files fetched from outside, as a template set."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployments.common.message_codes import Code
from deployments.template_sets.rules.paths import Paths, refused
from deployments.template_sets.template_files import manifest
from deployments.template_sets.template_files.archive import packed, unpacked
from deployments.template_sets.template_files.template_set import TemplateSet, read


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
