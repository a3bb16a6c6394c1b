"""What the person at the terminal is told of the sandbox: what it is made of here, and what stands in."""

from __future__ import annotations

from deployments.aws import sandbox

DATABASES = {
    "mariadb": "MariaDB stands in for Aurora",
    "embedded": "an embedded database stands in for Aurora, since MariaDB is not installed",
}
BALANCERS = {
    "haproxy": "HAProxy stands in for the load balancers",
    "none": "nothing stands in for the load balancers, since instances serve nothing",
}


def lines(url: str, token_file: str) -> list[str]:
    """Ask the sandbox about itself; nothing when there is none that answers."""
    about = sandbox.about(url, token_file, timeout=5)
    if not about:
        return []
    said = [f"Sandbox machines: {about.get('machines')}; {about.get('machines_are')}."]
    parts = [DATABASES.get(about.get("database", "")), BALANCERS.get(about.get("balancers", ""))]
    if any(parts):
        said.append(f"In the sandbox {', and '.join(part for part in parts if part)}.")
    if about.get("functions") == "not confined":
        said.append(f"Functions in the sandbox {about.get('functions_are')}: the system can't confine them.")
    if hint := about.get("machines_hint"):
        said.append(f"In the sandbox {hint}.")
    return said
