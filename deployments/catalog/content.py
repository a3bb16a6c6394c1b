"""A template set as it is compared with another version of it: its files, parameters and artifacts."""

from __future__ import annotations

from deployments.catalog.manifest import MANIFEST, sources
from deployments.catalog.template_set import TemplateSet
from deployments.core.set_diff import SetContent


def content_of(template_set: TemplateSet) -> SetContent:
    """Return the content of a set. The files of installed packages are not read, only named."""
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
