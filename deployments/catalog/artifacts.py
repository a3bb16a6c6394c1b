"""The objects that are uploaded for a template set: templates, and zips, which are reproducible."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from deployments.catalog.manifest import Artifact, sources
from deployments.catalog.template_set import TemplateSet
from deployments.errors import UserFixable
from deployments.message_codes import Code

# The earliest time that a zip can store: the same sources give the same bytes and the same hash.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_objects(template_set: TemplateSet) -> Iterator[tuple[str, bytes]]:
    """Yield (key below the prefix, body) for every object of the set."""
    for path in template_set.templates:
        yield path.name, path.read_bytes()
    for artifact in template_set.artifacts:
        yield artifact.key, _zip(artifact)


def _zip(artifact: Artifact) -> bytes:
    members = [(name, path.read_bytes()) for name, path in sources(artifact)]
    for package in artifact.packages:
        members += _package(package)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, body)
    return buffer.getvalue()


def _package(name: str) -> list[tuple[str, bytes]]:
    """Return the files of an installed pure-Python package.

    Raise UserFixable if the package is not installed or has compiled parts, which may not run on the
    function's processor.
    """
    try:
        listed = files(name) or []
    except PackageNotFoundError:
        raise UserFixable("TemplateSetBroken", Code.PACKAGE_NOT_INSTALLED, package=name) from None
    modules = [f for f in listed if f.suffix == ".py" and not f.parts[0].startswith("..")]
    if any(f.suffix in (".so", ".pyd") for f in listed):
        raise UserFixable("TemplateSetBroken", Code.PACKAGE_NOT_PURE_PYTHON, package=name)
    return [(f.as_posix(), Path(str(f.locate())).read_bytes()) for f in modules]
