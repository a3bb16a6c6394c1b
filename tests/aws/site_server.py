"""A site on loopback whose responses tests choose, in place of a site behind a load balancer."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deployments.aws.site import SiteCheckResult, check_site
from deployments.aws.site_address import Site
from tests.message_texts import text_of
from tests.services import LIMIT, LOOPBACK

SAVED = "2026-11-25 03:39:34"
ALB = "sanso-web-123456.ap-northeast-1.elb.amazonaws.com"

Route = Callable[["Server"], None]


class Server(BaseHTTPRequestHandler):
    """A site with a reply for each path, which records the requests."""

    routes: dict[str, Route]
    requests: list[tuple[str, str, str]]

    def _answer(self) -> None:
        self.requests.append((self.command, self.path, self.headers["Host"]))
        self.routes[self.path.partition("?")[0]](self)

    do_GET = do_POST = _answer

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Log nothing."""

    def reply(self, text: str, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


def reply_saved(server: Server) -> None:
    server.reply(f"Saved: {SAVED}")


def reply_list(server: Server) -> None:
    server.reply(json.dumps(["2026-11-25 03:39:35", SAVED]))


class Running:
    """A server on loopback, and the name that it would have in the sandbox."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.routes: dict[str, Route] = {"/write": reply_saved, "/read": reply_list}
        self.requests: list[tuple[str, str, str]] = []
        self.handler = type("Chosen", (Server,), {"routes": self.routes, "requests": self.requests})
        self.http = ThreadingHTTPServer((LOOPBACK, 0), self.handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def name(self) -> str:
        return f"{LOOPBACK}:{self.http.server_port}"

    def check(self, **site: object) -> SiteCheckResult:
        return check_site(Site(dns_name=self.name, loopback=True, **site))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(LIMIT)


def problem_text(answer: SiteCheckResult) -> str:
    return text_of(answer.problem)
