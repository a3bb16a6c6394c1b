"""What `make run` prints about the sandbox: its machines, and the replacements of AWS's services."""

from __future__ import annotations

from deployments.aws import sandbox

DATABASES = {
    "mariadb": "MariaDB stands in for Aurora",
    "embedded": "an embedded database stands in for Aurora, since MariaDB is not installed or not chosen",
}
BALANCERS = {
    "haproxy": "HAProxy stands in for the load balancers",
    "none": "nothing stands in for the load balancers, since instances serve nothing",
}


def lines(url: str, token_file: str) -> list[str]:
    """Return the lines about the sandbox; none if it does not respond."""
    about = sandbox.about(url, token_file, timeout=5)
    if not about:
        return []
    found = [f"Sandbox machines: {about.get('machines')}; {about.get('machines_are')}."]
    parts = [DATABASES.get(about.get("database", "")), BALANCERS.get(about.get("balancers", ""))]
    if any(parts):
        found.append(f"In the sandbox {', and '.join(part for part in parts if part)}.")
    if about.get("functions") == "not confined":
        found.append(f"Functions in the sandbox {about.get('functions_are')}: the system can't confine them.")
    if hint := about.get("machines_hint"):
        found.append(f"In the sandbox {hint}.")
    return found
