"""Change sets of updates as the sandbox reports them: root and nested, with property values.

Each file is a list of DescribeChangeSet responses, the root's first. To record them again:
`python -m tests.cloudformation.change_sets`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def recorded(name: str) -> list[dict[str, Any]]:
    """Return a recording: scale_app_servers, replace_database or new_artifacts."""
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text())
    return found
