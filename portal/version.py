"""The version of the code: the one in pyproject.toml, and the commit if it is a checkout."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.repo import Repo


def version_of(base: Path) -> str:
    """Return the version of the code in a folder, such as 0.1.0+1a2b3c4d5e.

    A process reads it at its start: it is the running version, even after the files have changed.
    """
    version = str(tomllib.loads((base / "pyproject.toml").read_text())["project"]["version"])
    try:
        with Repo(str(base)) as repository:
            return f"{version}+{repository.head().decode()[:10]}"
    except (NotGitRepository, KeyError, OSError):
        return version
