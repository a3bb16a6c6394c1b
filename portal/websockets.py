"""Refuses websockets: the portal has none, and Django raises an error for each, which the server logs."""

from __future__ import annotations

from typing import Any

POLICY_VIOLATION = 1008
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1; before the handshake, servers answer it with 403."""


class WithoutWebsockets:
    """An ASGI application that closes every websocket, and passes everything else on."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request, or close a websocket before it is open."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        await self._application(scope, receive, send)
