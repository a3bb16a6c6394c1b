"""Recordings of deployments in the sandbox, which the portal does not include.

`manage.py export_deployment` wrote them, of the bundled template set: `failed_servers` is an update whose
groups of servers failed, `failed_database` one whose database failed. Both were rolled back. `updated` is one
that succeeded and left most resources unchanged.
"""

from __future__ import annotations

import json
from pathlib import Path

from deployments.deployment_pages import recordings
from deployments.environments.models.deployments import Deployment
from tests.builders import make_user

NAMES = ("failed_servers", "failed_database", "updated")


def recorded(name: str) -> Deployment:
    """Load one of the recordings."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    return recordings.load(json.loads(text), make_user("lead"))
