"""The digests of a template set: of the objects to upload, and of these with its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from deployments.template_sets.template_files import yaml_files
from deployments.template_sets.template_files.manifest import MANIFEST, Artifact, sources
from deployments.template_sets.template_files.packages import package_files


def of_set(objects_digest: str, folder: Path) -> str:
    """Return the SHA-256 of a set's files and manifest.

    Stored versions are found by it: it must stay the same in later versions of Sanso, which is why it has the
    values in the file, and not what this version reads from them. Comments do not change it, nor does the
    order of keys, except that of presets, which is that of the form.
    """
    path = folder / MANIFEST
    content = yaml_files.read(path) if path.exists() else None
    if content and isinstance(content.get("presets"), dict):
        content["presets"] = list(content["presets"].items())
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{objects_digest}\0{text}".encode()).hexdigest()


def of_objects(templates: tuple[Path, ...], artifacts: tuple[Artifact, ...]) -> str:
    """Return the SHA-256 of all uploaded files, including those in zips, such as packages."""
    summary = hashlib.sha256()
    for path in templates:
        summary.update(path.name.encode() + b"\0" + path.read_bytes())
    for artifact in artifacts:
        summary.update(f"{artifact.key}{artifact.packages}".encode())
        for name, path in sources(artifact):
            summary.update(name.encode() + b"\0" + path.read_bytes())
        for name, body in (member for package in artifact.packages for member in package_files(package)):
            summary.update(name.encode() + b"\0" + body)
    return summary.hexdigest()
