"""Private sandboxes for tests: each with its own folder and port, whose responses are compared with AWS's."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox_tests.processes import LIMIT, LOOPBACK, Service, free_port

started_sandboxes: list[Sandbox] = []
"""Those of this process, also ended ones: what they report about their responses fails the tests."""


@dataclass(kw_only=True)
class Sandbox(Service):
    """A private sandbox. Tests use separate 12-digit account ids in it.

    A response that AWS would not send fails the call, and the test (`invalid_responses`).
    """

    reported: int = 0  # bytes of the report that are known

    def invalid_responses(self) -> str:
        """Return what was reported about responses since the last time, "" if nothing was."""
        report = self.folder / "data" / "invalid-responses"
        if not report.exists() or report.stat().st_size == self.reported:
            return ""
        content = report.read_bytes()
        found, self.reported = content[self.reported :], len(content)
        return found.decode()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def token_file(self) -> Path:
        return self.folder / "data" / "token"

    @property
    def portal_settings(self) -> dict[str, str]:
        """The settings of a portal that uses this sandbox."""
        return {"SANSO_SANDBOX_URL": self.url, "SANSO_SANDBOX_TOKEN_FILE": str(self.token_file)}

    def key(self, account: str) -> tuple[str, str]:
        """Return an access key's id and secret for scripts in an account."""
        issued = self.control("POST", "keys", {"name": "script"}, account=account)
        assert isinstance(issued, dict)
        return issued["access_key_id"], issued["secret_access_key"]

    def credentials(self, account: str) -> dict[str, str]:
        """Return the keyword arguments of a boto3 client for an account: its key and this endpoint."""
        key, secret = self.key(account)
        return {"endpoint_url": self.url, "aws_access_key_id": key, "aws_secret_access_key": secret}

    def variables(self, account: str) -> dict[str, str]:
        """Return the variables with which every AWS SDK and tool uses this sandbox, in an account."""
        key, secret = self.key(account)
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def control(self, method: str, path: str, body: object = None, *, account: str = "") -> object:
        """Call the control plane (`/_sanso/<path>`) and return the decoded response."""
        query = f"?account={account}" if account else ""
        request = urllib.request.Request(
            f"{self.url}/_sanso/{path}{query}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **bearer(self.token_file)},
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def start_sandbox(
    folder: Path,
    *,
    port: int | None = None,
    pace: float = 0,
    database: str = "auto",
    machines: str = "",
    prefix: Sequence[str] = (),
    permissions: str = "enforce",
) -> Sandbox:
    """Start `python -m sanso_sandbox` with its files in `folder`; with pace 0, nothing waits.

    Machines are processes unless the test or the environment chooses others, because booted ones are slow.
    """
    port = port or free_port()
    server = Sandbox(
        command=[*prefix, sys.executable, "-m", "sanso_sandbox"],
        folder=folder,
        port=port,
        answers=lambda: sandbox_answers(port, folder / "data" / "token"),
        environment={
            "SANSO_SANDBOX_TOKEN_FILE": "",
            "SANSO_SANDBOX_HOST": LOOPBACK,
            "SANSO_SANDBOX_PORT": str(port),
            "SANSO_SANDBOX_PACE": str(pace),
            "SANSO_SANDBOX_DATA": str(folder / "data"),
            "SANSO_SANDBOX_DATABASE": database,
            "SANSO_SANDBOX_PERMISSIONS": permissions,
            "SANSO_SANDBOX_RESPONSES": "check",
            "SANSO_SANDBOX_MACHINES": machines or os.environ.get("SANSO_SANDBOX_MACHINES", "processes"),
        },
    )
    server.start()
    started_sandboxes.append(server)
    return server


def bearer(token_file: Path) -> dict[str, str]:
    """Return the header that authorizes a request to a sandbox's control API."""
    token = token_file.read_text() if token_file.exists() else ""
    return {"Authorization": f"Bearer {token}"}


def sandbox_answers(port: int, token_file: Path) -> bool:
    """Return whether a sandbox on this port responds."""
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}/_sanso/about", headers=bearer(token_file))
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
