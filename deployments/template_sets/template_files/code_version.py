"""The version that the code in a template set reports once it is installed."""

from __future__ import annotations

import hashlib

from deployments.template_sets.template_files.manifest import sources
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
