"""What the sandbox says of itself. Not an AWS service: its own page of facts."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


def about(endpoint_url: str) -> dict[str, Any]:
    """Return the facts of /_sanso/about, {} while the sandbox does not answer."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_sanso/about", timeout=1) as answer:  # noqa: S310  # our setting
            facts = json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
