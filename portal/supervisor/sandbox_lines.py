"""What the person at the terminal is told of the sandbox: what it is made of here, and what stands in."""

from __future__ import annotations

import json
import urllib.request

DATABASES = {
    "mariadb": "MariaDB stands in for Aurora",
    "embedded": "an embedded database stands in for Aurora, since MariaDB is not installed",
}
BALANCERS = {
    "haproxy": "HAProxy stands in for the load balancers",
    "builtin": "small servers of the sandbox's own stand in for the load balancers, for want of HAProxy",
    "none": "nothing stands in for the load balancers, since instances serve nothing",
}


def lines(url: str) -> list[str]:
    """Ask the sandbox about itself; nothing when there is none that answers."""
    try:
        with urllib.request.urlopen(f"{url}/_sanso/about", timeout=5) as answer:  # noqa: S310  # the sandbox's own
            about = json.load(answer)
    except (OSError, ValueError):
        return []
    said = [f"Sandbox machines: {about.get('machines')}; {about.get('machines_are')}."]
    parts = [DATABASES.get(about.get("database", "")), BALANCERS.get(about.get("balancers", ""))]
    if any(parts):
        said.append(f"In the sandbox {', and '.join(part for part in parts if part)}.")
    if hint := about.get("machines_hint"):
        said.append(f"In the sandbox {hint}.")
    return said
