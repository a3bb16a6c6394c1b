"""What these tests share: the functions as Lambda finds them, and CloudFormation's end of the wire."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.infra.resolved import TEMPLATES

# A function's zip has its module and the package custom_resource at the top.
sys.path.insert(0, str(TEMPLATES / "functions"))

STACK_ID = (
    "arn:aws:cloudformation:ap-northeast-1:111122223333:stack/times/5f0c7a52-5b1f-4c69-a6a1-0a2b3c4d5e6f"
)


class Invocation:
    """What Lambda tells a function about its call, with a clock that does not run."""

    log_stream_name = "2026/11/24/[$LATEST]0123abcd"

    def __init__(self, seconds: float = 300) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass(kw_only=True)
class Answers:
    """The pre-signed address: counts what is put there, and can refuse at first."""

    url: str = ""
    refusals: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)

    def event(self, kind: str, properties: object, physical_id: str = "") -> dict[str, Any]:
        """Return a request of CloudFormation's to be answered here."""
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
        """The one answer that there is."""
        assert len(self.bodies) == 1, self.bodies
        return self.bodies[0]


@pytest.fixture
def answers() -> Iterator[Answers]:
    """An HTTP server in the place of the bucket that CloudFormation reads answers from."""
    taken = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if taken.refusals:
                taken.refusals -= 1
                self.send_response(503)
            else:
                taken.bodies.append(json.loads(body))
                taken.content_types.append(self.headers["Content-Type"])
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_port}/answer?signature=secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield taken
    server.shutdown()
    thread.join()
    server.server_close()
