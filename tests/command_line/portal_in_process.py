"""The portal as the command line's HTTP client sees it, in the transaction of the test, and a shell."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from sanso_cli import __main__ as command_line
from tests.api.clients import ROOT
from tests.previews import recorded_changes

URL = "http://127.0.0.1:8000"


@dataclass
class PortalInProcess:
    """Answers requests by Django's client. What a worker would do next is written at once.

    `scene` is the recorded preview of each change; `ends` the state in which each deployment ends.
    """

    scene: str = "traffic"
    ends: str = "succeeded"
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request of the command line."""
        path = request.url.raw_path.decode()
        body = request.read()
        self.sent.append((request.method, path.removeprefix(ROOT), json.loads(body) if body else {}))
        self.languages.add(request.headers["Accept-Language"])
        if path.endswith("/stream"):
            return httpx.Response(200, text="event: end\ndata: {}\n\n")
        names = ("Authorization", "Accept-Language", "Idempotency-Key")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        client = Client(enforce_csrf_checks=True)
        response = client.generic(request.method, path, body, "application/json", headers=headers)
        of_accounts = "/account" in path or "/first-contacts" in path
        if response.status_code < 300 and request.method == "POST" and not of_accounts:
            self._work(path)
        return httpx.Response(response.status_code, headers=dict(response.headers), content=response.content)

    def posted(self, end: str) -> dict[str, Any]:
        """Return the body of the only request whose address ends like this."""
        (body,) = [body for method, path, body in self.sent if method == "POST" and path.endswith(end)]
        return body

    def _work(self, path: str) -> None:
        rows = Deployment.objects.filter(pk=Deployment.objects.latest("pk").pk)
        is_preview = path.endswith("/previews") or (path.endswith("/rollback") and "/deployments/" in path)
        if is_preview:
            changes = recorded_changes(self.scene)
            values = {"state": "preview", "last_phase": "preview", "due_at": None}
            rows.update(**values, changes=changes.to_json(), preview_digest=changes.digest)
        elif not path.endswith("/discard"):
            rows.update(state=self.ends, active_key=None, due_at=None, ended_at=timezone.now())


class Terminal(io.StringIO):
    """A person at the keyboard, with what they type."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


@dataclass(frozen=True)
class Shell:
    """Runs commands in this process."""

    capsys: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def run(self, *arguments: str, typed: str | None = None, piped: bytes = b"") -> tuple[int, str, str]:
        """Run `sanso`, at a terminal if something is typed. Return its exit code, output and errors."""
        pipe = io.TextIOWrapper(io.BytesIO(piped), encoding="utf-8")
        self.patch.setattr("sys.argv", ["sanso", *arguments])
        self.patch.setattr("sys.stdin", pipe if typed is None else Terminal(typed))
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        output, errors = self.capsys.readouterr()
        return int(ended.value.code or 0), output, errors
