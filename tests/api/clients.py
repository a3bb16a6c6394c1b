"""Programs that call the API with a token."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from deployments.access.models.tokens import ApiToken
from deployments.access.rules.token_scopes import SCOPES
from deployments.administration.commands.tokens import create_token

ROOT = "/api/v1"


class Program:
    """A program with a token; no cookies, and CSRF is enforced."""

    def __init__(self, user: User, *scopes: str) -> None:
        self.token, self.value = create_token(user=user, name="CI", scopes=scopes or SCOPES, lifetime_days=30)
        self.client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {self.value}"})

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.get(ROOT + path, query, headers=headers or None)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            ROOT + path, {} if body is None else body, "application/json", headers=headers or None
        )

    def expire(self) -> None:
        ApiToken.objects.filter(pk=self.token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
