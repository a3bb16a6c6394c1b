"""Template sets with versions, stored like those of fetches."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.shared import versions
from tests.builders import make_deployment, make_environment

ROOT = """
Parameters:
  Size: {Type: String, Default: small, AllowedValues: [small, large]}
  Count: {Type: Number, Default: 2}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""


def make_source(name: str = "shop-templates", **values: Any) -> TemplateSource:
    """Return a saved Git repository with templates."""
    defaults = {
        "kind": "git",
        "url": "https://git.example.com/shop.git",
        "refs": "main v*",
        "live_key": TemplateSource.key_for(name),
    }
    return TemplateSource.objects.create(name=name, **(defaults | values))


def make_version(
    source: TemplateSource, folder: Path, *refs: str, files: dict[str, str] | None = None, **values: Any
) -> TemplateVersion:
    """Return a saved version with the files of a folder, after writing `files` into it.

    `refs` are branches (`main`) and tags that point at it, and no longer at an earlier version.
    """
    folder.mkdir(exist_ok=True)
    for name, text in (files or {"root.yaml": ROOT}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    template_set = template_files.load(folder)
    stored_sets.keep(template_set)
    number = TemplateVersion.objects.of(source).count() + 1
    about: dict[str, Any] = {
        "commit": hashlib.sha256(str(number).encode()).hexdigest()[:40] if source.kind == "git" else "",
        "author": "Ana Lyst",
        "message": f"Change number {number}",
        "ref_names": [f"refs/{'heads' if name == 'main' else 'tags'}/{name}" for name in refs],
    }
    version = versions.add(source, template_set, **_split(about | values))
    for name in version.ref_names:
        for earlier in TemplateVersion.objects.of(source).exclude(pk=version.pk):
            if name in earlier.ref_names:
                earlier.ref_names.remove(name)
                earlier.save()
        TemplateRef.objects.update_or_create(
            source=source,
            name=name,
            defaults={"version": version, "is_tag": name.startswith("refs/tags/")},
        )
    return version


def _split(about: dict[str, Any]) -> dict[str, Any]:
    return {"commit": about.pop("commit"), "about": about}


def make_pinned(name: str, version: TemplateVersion, **values: Any) -> Environment:
    """Return a saved healthy environment that was created from a version."""
    parameters = values.pop("parameters", {"Size": "small", "Count": "2"})
    environment = make_environment(
        name,
        stack_id=f"arn:{name}",
        stack_status="CREATE_COMPLETE",
        health_word="healthy",
        parameters=parameters,
        template_version=version,
        **values,
    )
    make_deployment(
        environment,
        state="succeeded",
        last_phase="ready",
        parameters=parameters,
        template_digest=version.digest,
        template_version=version,
    )
    return environment
