"""An OpenID Connect provider on loopback: oidc-provider-mock in its own process."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.test import Client
from django.urls import reverse

from tests.services import LIMIT, LOOPBACK, Service, free_port


@dataclass(kw_only=True)
class IdentityProvider(Service):
    """The provider, with the actions of its administrator."""

    @property
    def issuer(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def set_user(self, subject: str, **claims: Any) -> None:
        """Create or change a user."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims, timeout=LIMIT).raise_for_status()

    def disable(self, subject: str) -> None:
        """Revoke all tokens of a user."""
        url = f"{self.issuer}/users/{subject}/revoke-tokens"
        httpx.post(url, timeout=LIMIT).raise_for_status()

    def authorize(self, url: str, subject: str) -> str:
        """Log in at the provider's page; return the path and query of the redirect back to the portal."""
        back = urlsplit(httpx.post(url, data={"sub": subject}, timeout=LIMIT).headers["Location"])
        return f"{back.path}?{back.query}"

    def log_in(self, client: Client, subject: str, **query: str) -> Any:
        """Go through the whole login as a browser does; return the last response."""
        begun = client.get(reverse("oidc_login"), query)
        return client.get(self.authorize(begun["Location"], subject))


def start_provider(folder: Path) -> IdentityProvider:
    """Start a provider, wait until it responds, and return it."""
    port = free_port()

    def answers() -> bool:
        try:
            return httpx.get(f"http://{LOOPBACK}:{port}/.well-known/openid-configuration").is_success
        except httpx.HTTPError:
            return False

    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    server = IdentityProvider(
        command=command, folder=folder, port=port, answers=answers, environment=dict(os.environ)
    )
    server.start()
    return server
