"""A proxy between the current portal and the sandbox of a release that issues no access keys.

That sandbox accepts twelve digits as the access key of an account. The proxy answers a request for a key with
the digits of the account, and forwards everything else.
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.services import LOOPBACK

HOP_BY_HOP = {"connection", "content-length", "content-encoding", "transfer-encoding", "keep-alive"}


def serve(sandbox_url: str, port: int) -> ThreadingHTTPServer:
    """Return a server on this port; `serve_forever` runs it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = re.match(r"/_sanso/keys\?account=(\d+)", self.path)
            if found:
                key = {"access_key_id": found[1], "secret_access_key": "x"}
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(key).encode())
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
            answer = httpx.request(
                self.command,
                f"{sandbox_url}{self.path}",
                headers=headers,
                content=body,
                timeout=60,
                trust_env=False,
            )
            kept = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
            self._answer(answer.status_code, kept, answer.content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # named by http.server

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # http.server's name
            """Log nothing."""

    return ThreadingHTTPServer((LOOPBACK, port), Handler)
