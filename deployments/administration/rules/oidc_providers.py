"""OpenID Connect providers, and the TOML file that describes several: pure functions of its text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployments.administration.rules.identity_groups import BadMapping, memberships

FIRST: Final = "oidc"
"""The id of the provider in the variables SANSO_OIDC_…."""
SAML: Final = "saml"
"""The id of the SAML provider."""
SCOPES: Final = ("openid", "profile", "email")
GROUP_CLAIM: Final = "groups"
_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")
RESERVED: Final = frozenset(["callback", "logout", SAML])
"""Ids that providers cannot have: path segments of the first provider, or the id of another one."""
_TEXTS: Final = frozenset(
    ["name", "issuer", "client_id", "client_secret", "client_secret_file", "group_claim"]
)
_LISTS: Final = frozenset(["scopes", "allowed_groups", "groups"])


class BadProviders(ValueError):
    """Raised for a file with invalid providers; the message has the location and no secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcProvider:
    """One provider. `secret_file` has the client's secret if `client_secret` is empty."""

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    secret_file: str = ""
    scopes: tuple[str, ...] = SCOPES
    group_claim: str = GROUP_CLAIM
    allowed_groups: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def admits(self, groups: list[str]) -> bool:
        """Return whether a member of these groups may log in."""
        return not self.allowed_groups or bool(set(self.allowed_groups) & set(groups))

    def groups_in(self, claims: Mapping[str, object]) -> list[str]:
        """Return the groups in an account's claims; a single group may be a plain string."""
        found = claims.get(self.group_claim, [])
        found = [found] if isinstance(found, str) else found
        return [group for group in found if isinstance(group, str)] if isinstance(found, list) else []


def parse(text: str) -> tuple[OidcProvider, ...]:
    """Return the providers of a TOML file with one table each. Raise BadProviders."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise BadProviders(f"not TOML: {exc}") from exc
    return tuple(_parsed(name, table) for name, table in tables.items())


def check_distinct(providers: tuple[OidcProvider, ...]) -> None:
    """Raise BadProviders if two have the same id or issuer: accounts are recognized by issuer and subject."""
    for what, values in (
        ("id", [one.id for one in providers]),
        ("issuer", [one.issuer for one in providers]),
    ):
        for value in values:
            if values.count(value) > 1:
                raise BadProviders(f"two providers have the {what} {value}")


def _parsed(name: str, table: Any) -> OidcProvider:
    if not _ID.fullmatch(name) or name in RESERVED:
        raise BadProviders(f"[{name}]: a provider's id has lower-case letters, digits and -")
    if not isinstance(table, dict):
        raise BadProviders(f"{name}: not a table")
    _check_keys(name, table)
    try:
        memberships((), table.get("groups", []))
    except BadMapping as exc:
        raise BadProviders(f"[{name}]: groups has an entry that is not GROUP=ROLE: {exc}") from exc
    given = {key: tuple(value) if key in _LISTS else value for key, value in table.items()}
    secret_file = given.pop("client_secret_file", "")
    return OidcProvider(**{"id": name, "name": name, "secret_file": secret_file} | given)


def _check_keys(name: str, table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in _TEXTS | _LISTS:
            raise BadProviders(f"[{name}]: unknown key {key}")
        is_texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not (isinstance(value, str) if key in _TEXTS else is_texts):
            raise BadProviders(f"[{name}]: {key} is not a {'text' if key in _TEXTS else 'list of texts'}")
    for key in ("issuer", "client_id"):
        if not table.get(key):
            raise BadProviders(f"[{name}]: {key} is missing")
