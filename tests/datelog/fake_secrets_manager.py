"""A fake Secrets Manager, and the instance metadata service that provides an app server's credentials."""

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


class FakeSecretsManager(ThreadingHTTPServer):
    """Serves GetSecretValue and instance metadata, and records the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.secret = ""
        self.failures: list[tuple[int, str]] = []  # (status, code) of the next responses
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def set_secret(self, user: str, password: str) -> None:
        """Set the value of the secret."""
        self.secret = json.dumps({"username": user, "password": password})

    def reads(self) -> int:
        """Return how often the secret was read."""
        return sum(path == "/" for path, _, _ in self.requests)

    def environment(self) -> dict[str, str]:
        """Return the variables of an app server that uses this service, with keys."""
        return {
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "example-secret",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "ap-northeast-1",
            "DB_SECRET_NAME": "trial/datelog",
        }


class _Handler(BaseHTTPRequestHandler):
    server: FakeSecretsManager

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
        content: dict[str, Any] = {
            ROLE_PATH: "server-role",
            f"{ROLE_PATH}server-role": KEYS,
            "/latest/meta-data/placement/region": "eu-central-1",
            "/latest/meta-data/placement/availability-zone/": "eu-central-1a",
        }
        return self._send(200, content[self.path])

    def _send(self, status: int, content: object) -> None:
        body = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Log nothing."""


@contextmanager
def fake_aws() -> Iterator[FakeSecretsManager]:
    """Run a fake for the duration of the block."""
    server = FakeSecretsManager()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
