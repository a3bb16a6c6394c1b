"""Protects the sandbox from web pages: it rejects requests that a browser sends for pages of other origins.

Every request needs a signature or the token, which pages do not have; this is a second protection. It also
works against pages whose own host name resolves to this machine (DNS rebinding), and no response is readable
for other origins.
"""

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from sanso_sandbox.server.fault_middleware import Application, Message, Receive, Scope, Send

# https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header; "none" is for typed addresses and bookmarks.
SITES: Final = frozenset({"same-origin", "none"})
REFUSED: Final = b"The sandbox takes no requests from web pages.\n"


class NoForeignPages:
    """An application that rejects foreign hosts, foreign origins, and all websockets."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request unless it comes from a foreign page."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif _is_foreign(scope):
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(REFUSED))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSED})
        else:
            await self.application(scope, receive, _without_cors(send))


def _is_foreign(scope: Scope) -> bool:
    hosts, origins, sites = (_values(scope, name) for name in (b"host", b"origin", b"sec-fetch-site"))
    if len(hosts) != 1 or not _is_loopback(hosts[0]):
        return True
    own = f"{scope.get('scheme', 'http')}://{hosts[0]}".lower()
    return any(origin.lower() != own for origin in origins) or any(site not in SITES for site in sites)


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == wanted]


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _without_cors(send: Send) -> Send:
    """Remove the headers with which MiniStack makes responses readable for all origins."""

    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                one for one in message.get("headers", ()) if not one[0].lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_without
