"""Addresses of Git repositories: https, ssh in both spellings, and paths on this machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code

_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?!-|//)(?P<path>[^\s?#]+)")
"""git@host:path, as Git writes it: https://git-scm.com/docs/git-clone#_git_urls"""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+")
_USER = re.compile(r"[A-Za-z0-9_][\w.-]*", re.ASCII)
_PLAIN = re.compile(r"[!-\"$->@-~]+")
"""Visible ASCII without a query or fragment. urlsplit removes line ends, so the text itself is checked."""
_PORTS = {"http": 80, "https": 443, "ssh": 22}


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of an address; `host` is "" for a path on this machine."""

    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    path: str

    def __str__(self) -> str:
        """Return the address as it is called, without a user for http."""
        if self.scheme == "file":
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{user}{host}{port}{self.path}"


def check_url(url: str) -> Url:
    """Return the parts of an address. Raise UserFixable if it is not one that can be fetched from.

    Whether a host or a folder is allowed is decided during the fetch.
    """
    if found := _SCP.fullmatch(url):
        host = found["host"].strip("[]")
        return Url(scheme="ssh", host=host, port=_PORTS["ssh"], user=found["user"], path=found["path"])
    if url.startswith(("/", "file:")):
        return _local(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid() from None
    if parts.password or (parts.username and parts.scheme != "ssh"):
        raise UserFixable("SourceRefused", Code.SOURCE_URL_WITH_PASSWORD, "url")
    if not _is_whole(parts) or not _PLAIN.fullmatch(url):
        raise _invalid()
    return Url(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=port or _PORTS[parts.scheme],
        user=(parts.username or "git") if parts.scheme == "ssh" else "",
        path=parts.path or "/",
    )


def _is_whole(parts: SplitResult) -> bool:
    user, host = parts.username or "git", parts.hostname or ""
    return bool(parts.scheme in _PORTS and _HOST.fullmatch(host) and _USER.fullmatch(user))


def _local(url: str) -> Url:
    path = unquote(url.removeprefix("file://")) if url.startswith("file:") else url
    if not path.startswith("/") or not path.isprintable():
        raise _invalid()
    return Url(scheme="file", path=path)


def without_credentials(url: str) -> str:
    """Return scheme, host and path of an address that may have any other part; "" if it has no host."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path}" if host and "@" not in parts.path else ""


def _invalid() -> UserFixable:
    """Return the error about an address, without it: it may contain credentials, and errors are recorded."""
    return UserFixable("SourceRefused", Code.SOURCE_URL_INVALID, "url")
