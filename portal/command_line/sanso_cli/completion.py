"""What the shell completes: names of environments, accounts and template sets, as the portal has them now."""

from __future__ import annotations

from typing import Any

from sanso_cli import logins
from sanso_cli.client import ApiError, PortalClient

SECONDS = 3.0
"""Nobody waits longer for a Tab."""
LIMIT = 200


def environments(incomplete: str) -> list[str]:
    """Return the names of environments that begin like this."""
    return _names("/environments", incomplete)


def accounts(incomplete: str) -> list[str]:
    """Return the names of accounts that begin like this."""
    return _names("/accounts", incomplete)


def sets(incomplete: str) -> list[str]:
    """Return the names of template sets that begin like this."""
    return _names("/template-sets", incomplete)


def versions(incomplete: str) -> list[str]:
    """Return versions that begin like this, as SET@LABEL; sets before there is an @."""
    name, separator, label = incomplete.partition("@")
    if not separator:
        return [f"{one}@" for one in sets(name)]
    keys = [one["id"] for one in _rows("/template-sets") if one["name"] == name]
    rows = [one for key in keys for one in _rows(f"/template-sets/{key}/versions")]
    return [f"{name}@{one['label']}" for one in rows if one["label"].startswith(label)]


def _names(path: str, incomplete: str) -> list[str]:
    names = {str(one["name"]) for one in _rows(path) if one.get("state") != "deleted"}
    return sorted(name for name in names if name.startswith(incomplete))


def _rows(path: str) -> list[dict[str, Any]]:
    """Return the rows of a list, none if nobody is logged in or the portal does not respond."""
    try:
        login = logins.current()
        if login is None:
            return []
        api = PortalClient(login.url, login.token)
        api.retries, api.http.timeout = 0, SECONDS
        return list(api.items(path, limit=LIMIT))
    except (ApiError, ValueError):
        return []
