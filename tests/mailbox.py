"""A mail server on loopback that stores the received messages."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from tests.services import LOOPBACK, free_port


@dataclass
class Mailbox:
    """The server; it responds with `refusal` to recipients if this is set.

    It takes no message while `open` is not set, and confirms none while `confirms` is not set.
    """

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refusal: str = ""
    port: int = 0
    connections: int = 0
    open: threading.Event = field(default_factory=threading.Event)
    confirms: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open.set()
        self.confirms.set()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, *_: Any) -> str:
        self.connections += 1
        await asyncio.to_thread(self.open.wait, 60)
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.messages.append(parsed)
        self.recipients += envelope.rcpt_tos
        await asyncio.to_thread(self.confirms.wait, 60)
        return "250 OK"

    def text(self, number: int = -1) -> str:
        """Return the plain text of a message."""
        body = self.messages[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run a mail server for the duration of the block."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname=LOOPBACK, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
