"""The content of a template set for comparing versions: its files, parameters and artifacts."""

from __future__ import annotations

from deployments.template_sets.rules.version_diff import SetContent
from deployments.template_sets.template_files.manifest import MANIFEST, sources
from deployments.template_sets.template_files.template_set import TemplateSet


def content_of(template_set: TemplateSet) -> SetContent:
    """Return the content of a set. Of installed packages, only the names are read, not the files."""
    manifest = template_set.folder / MANIFEST
    files = [*template_set.templates, *([manifest] if manifest.is_file() else [])]
    return SetContent(
        files={path.name: path.read_bytes() for path in files},
        artifacts={
            one.key: {name: path.read_bytes() for name, path in sources(one)}
            for one in template_set.artifacts
        },
        packages={one.key: one.packages for one in template_set.artifacts},
        parameters=template_set.parameters,
    )
