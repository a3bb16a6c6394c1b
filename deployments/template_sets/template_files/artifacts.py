"""The objects of a template set: templates, and zips, which are reproducible and tell their version."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

from deployments.template_sets.template_files.manifest import Artifact, sources
from deployments.template_sets.template_files.packages import package_files
from deployments.template_sets.template_files.template_set import TemplateSet

LENGTH = 16
FOLDER = "app/datelog/"
"""The folder of datelog in the playbook's artifact."""
_REPORTER = f"{FOLDER}version.py"


def code_version(template_set: TemplateSet) -> str:
    """Return the version that datelog reports, "" if the set has none that does.

    It is the digest that `playbook/tasks/release.yml` computes.
    """
    for artifact in template_set.artifacts:
        files = {name: path for name, path in sources(artifact) if name.startswith(FOLDER)}
        if _REPORTER not in files:
            continue
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name.removeprefix('app/')}\n"
            for name, path in sorted(files.items(), key=lambda item: item[0].encode())
            if path.suffix != ".pyc"
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()[:LENGTH]
    return ""


# The earliest time that a zip can store, so that the same sources give the same bytes and hash.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build_objects(template_set: TemplateSet) -> Iterator[tuple[str, bytes]]:
    """Yield (key under the prefix, body) for every object of the set."""
    for path in template_set.templates:
        yield path.name, path.read_bytes()
    for artifact in template_set.artifacts:
        yield artifact.key, _zip(artifact)


def code_file(template_set: TemplateSet) -> Path | None:
    """Return a Python file whose change is a release of code alone, None if the set has no such releases."""
    rule = template_set.release
    if rule is None:
        return None
    files = [
        (name, path)
        for artifact in template_set.artifacts
        if artifact.key in rule.artifacts
        for name, path in sources(artifact)
        if path.suffix == ".py" and rule.is_code(name)
    ]
    return min(files)[1] if files else None


def differing_files(one: TemplateSet, other: TemplateSet, keys: Collection[str]) -> list[str]:
    """Return the names of the files in artifacts with these keys that differ between two sets, sorted."""
    if one.objects_digest == other.objects_digest:
        return []
    before, after = _contents(one, keys), _contents(other, keys)
    return sorted(
        {
            name
            for key, name in before.keys() | after.keys()
            if before.get((key, name)) != after.get((key, name))
        }
    )


def _contents(template_set: TemplateSet, keys: Collection[str]) -> dict[tuple[str, str], bytes]:
    return {
        (artifact.key, name): path.read_bytes()
        for artifact in template_set.artifacts
        if artifact.key in keys
        for name, path in sources(artifact)
    }


def _zip(artifact: Artifact) -> bytes:
    members = [(name, path.read_bytes()) for name, path in sources(artifact)]
    for package in artifact.packages:
        members += package_files(package)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(members):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, body)
    return buffer.getvalue()
