"""A Secrets Manager of a few lines, and the instance metadata it takes to ask it: enough for one server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.services import LOOPBACK

ROLE_PATH = "/latest/meta-data/iam/security-credentials/"
KEYS = {
    "AccessKeyId": "ASIAROLE",
    "SecretAccessKey": "role-secret",
    "Token": "role-token",
    "Expiration": "2099-01-01T00:00:00Z",
}


class FakeAws(ThreadingHTTPServer):
    """Answers GetSecretValue with `secret`, and metadata questions with a token; keeps what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.secret = ""
        self.failures: list[tuple[int, str]] = []  # answers to give before the right one
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def holds(self, user: str, password: str) -> None:
        """Make this the secret's current value."""
        self.secret = json.dumps({"username": user, "password": password})

    def reads(self) -> int:
        """Return how often the secret was asked for."""
        return sum(path == "/" for path, _, _ in self.requests)

    def environment(self) -> dict[str, str]:
        """Return what an app server needs to ask here, with keys in its environment."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example-secret",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "ap-northeast-1",
            "DB_SECRET_NAME": "trial/datelog",
        }


class _Handler(BaseHTTPRequestHandler):
    server: FakeAws

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers.items()), body))
        if self.server.failures:
            status, code = self.server.failures.pop(0)
            return self._send(status, {"__type": code, "message": "refused"})
        if not self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential="):
            return self._send(403, {"__type": "AccessDeniedException"})
        return self._send(200, {"Name": json.loads(body)["SecretId"], "SecretString": self.server.secret})

    def do_PUT(self) -> None:
        self.server.requests.append((self.path, dict(self.headers.items()), b""))
        self._send(200, "the-token")

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers.items()), b""))
        if self.headers["X-aws-ec2-metadata-token"] != "the-token":
            return self._send(401, "")
        answers: dict[str, Any] = {
            ROLE_PATH: "server-role",
            f"{ROLE_PATH}server-role": KEYS,
            "/latest/meta-data/placement/region": "eu-central-1",
        }
        return self._send(200, answers[self.path])

    def _send(self, status: int, content: object) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@contextmanager
def fake_aws() -> Iterator[FakeAws]:
    """Run one for as long as the block."""
    server = FakeAws()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
