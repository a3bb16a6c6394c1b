"""Where the portal is, and the token for it: from the environment, the system's keyring, or a 0600 file."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import keyring
from keyring.errors import KeyringError

from sanso_cli.connection import portal_url

SERVICE = "sanso"
"""The name under which the keyring has tokens, by the portal's URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """A portal and a token for it. `place` is where the token was found."""

    url: str
    token: str
    place: str


def file() -> Path:
    """Return the file of the command line: the portal's URL, and the token where there is no keyring."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "sanso" / "login.json"


def last_url() -> str:
    """Return the URL of the stored login, "" if there is none."""
    return _read().get("url", "")


def current() -> StoredLogin | None:
    """Return the login to use; SANSO_URL and SANSO_TOKEN win over what is stored.

    Raise ValueError if the URL is none.
    """
    stored = _read()
    given = os.environ.get("SANSO_URL") or stored.get("url")
    if not given:
        return None
    url = portal_url(given)  # as `login` stores it: a token is found by it
    if token := os.environ.get("SANSO_TOKEN"):
        return StoredLogin(url=url, token=token.strip(), place="SANSO_TOKEN")
    with contextlib.suppress(KeyringError):
        if token := keyring.get_password(SERVICE, url):
            return StoredLogin(url=url, token=token, place="keyring")
    with contextlib.suppress(ValueError):  # the stored URL is none
        if (token := stored.get("token")) and portal_url(stored.get("url", "")) == url:
            return StoredLogin(url=url, token=token, place=str(file()))
    return None


def store(url: str, token: str) -> str:
    """Store a login, the token in the keyring if the system has one. Return where the token is."""
    with contextlib.suppress(KeyringError):  # there is none: servers and containers
        keyring.set_password(SERVICE, url, token)
        if keyring.get_password(SERVICE, url) == token:  # some keep nothing
            _write({"url": url})
            return "keyring"
    _write({"url": url, "token": token})
    return str(file())


def forget() -> None:
    """Delete the stored login and its token."""
    url = last_url()
    with contextlib.suppress(KeyringError):
        if url:
            keyring.delete_password(SERVICE, url)
    file().unlink(missing_ok=True)


def _read() -> dict[str, str]:
    try:
        found = json.loads(file().read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(values: dict[str, str]) -> None:
    file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file().unlink(missing_ok=True)
    descriptor = os.open(file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(values, opened)
