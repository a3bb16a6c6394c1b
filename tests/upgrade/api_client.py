"""A program with an API token of a person, which it sends to the release's API."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx

from tests.upgrade.visitor import Refused, Visitor

SCOPES = ["deploy", "change", "release", "delete", "approve", "admin"]
TOKEN = re.compile(r"sanso_[\w-]{20,}")


class Program:
    """Requests to the API with a token of all scopes."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=120,
            trust_env=False,
        )

    def post(self, path: str, /, **body: Any) -> Any:
        """Send a request, and return what the API answers. Raise Refused if it rejects the request."""
        return self._checked(self.http.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())}))

    def upload(self, path: str, content: bytes) -> Any:
        """Send a file."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/zip"}
        return self._checked(self.http.post(path, content=content, headers=headers))

    def get(self, path: str) -> Any:
        """Return what the API answers."""
        return self._checked(self.http.get(path))

    def _checked(self, answer: httpx.Response) -> Any:
        if answer.status_code >= 400:
            raise Refused(f"{answer.request.url.path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None


def program_of(visitor: Visitor, name: str, owner: int | None = None) -> Program:
    """Create a token on the page of tokens, one's own or that of a service account."""
    page = "/tokens/" if owner is None else f"/tokens/?owner={owner}"
    answer = visitor.send(page, to=page, name=name, scopes=SCOPES, lifetime_days="365")
    found = TOKEN.search(answer.text)
    if found is None:
        raise Refused(f"{page} shows no token")
    return Program(str(visitor.http.base_url).rstrip("/"), found[0])
