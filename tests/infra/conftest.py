"""Fixtures: the functions on the import path as in Lambda, and the server for their responses."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.infra.resolved_templates import TEMPLATES

# A function's zip has its module and the package custom_resource at its root.
sys.path.insert(0, str(TEMPLATES / "functions"))

STACK_ID = (
    "arn:aws:cloudformation:ap-northeast-1:111122223333:stack/times/5f0c7a52-5b1f-4c69-a6a1-0a2b3c4d5e6f"
)


class Invocation:
    """Lambda's context object, with a fixed remaining time."""

    log_stream_name = "2026/11/24/[$LATEST]0123abcd"

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass(kw_only=True)
class Responses:
    """A pre-signed URL that records the responses and can reject the first ones."""

    url: str = ""
    rejections: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)

    def event(self, kind: str, properties: object, physical_id: str = "") -> dict[str, Any]:
        """Return CloudFormation's request with this URL."""
        event = {
            "RequestType": kind,
            "ServiceToken": "arn:aws:lambda:ap-northeast-1:111122223333:function:f",
            "ResponseURL": self.url,
            "StackId": STACK_ID,
            "RequestId": "0e5c1f0a-8d3f-4f8e-9c9b-6f1d2e3c4b5a",
            "LogicalResourceId": "Thing",
            "ResourceType": "Custom::Thing",
            "ResourceProperties": properties,
        }
        return event | ({"PhysicalResourceId": physical_id} if physical_id else {})

    @property
    def only(self) -> dict[str, Any]:
        """The only response."""
        assert len(self.bodies) == 1, self.bodies
        return self.bodies[0]


@pytest.fixture
def responses() -> Iterator[Responses]:
    """An HTTP server in place of CloudFormation's bucket for responses."""
    received = Responses()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.rejections:
                received.rejections -= 1
                self.send_response(503)
            else:
                received.bodies.append(json.loads(body))
                received.content_types.append(self.headers["Content-Type"])
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_port}/response?signature=secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield received
    server.shutdown()
    thread.join()
    server.server_close()
