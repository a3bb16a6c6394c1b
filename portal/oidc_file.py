"""The file in SANSO_OIDC_PROVIDERS_FILE, read once with the settings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from deployments.administration.rules.oidc_providers import BadProviders, OidcProvider, check_distinct, parse
from portal import secret_file


def read(path: str, *, first_issuer: str) -> tuple[OidcProvider, ...]:
    """Return the providers with their secrets. Raise BadProviders, OSError or UnicodeDecodeError.

    A file that cannot be read stops the start, not a login.
    """
    if not path:
        return ()
    found = tuple(
        dataclasses.replace(one, client_secret=secret_file.given(one.client_secret, one.secret_file))
        for one in parse(Path(path).read_text())
    )
    first = OidcProvider(id="oidc", name="", issuer=first_issuer, client_id="")
    check_distinct((first, *found) if first_issuer else found)
    return found


__all__ = ["BadProviders", "read"]
