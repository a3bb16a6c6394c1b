"""Read a deployment's event stream as a page does, and check that no event is missing or repeated."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

SEQ = re.compile(r'data-seq="(\d+)"')


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an event stream."""

    event: str
    id: str
    data: dict[str, Any]


def parse(text: str) -> Message | None:
    """Return the message of one block of an event stream; None for comments and bare fields."""
    fields = dict(line.split(": ", 1) for line in text.strip().splitlines() if not line.startswith(":"))
    if "data" not in fields:
        return None
    return Message(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))


async def messages(stream: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    """Yield the messages of a stream of whole blocks."""
    async for block in stream:
        if message := parse(block.decode()):
            yield message


@dataclass
class Listener:
    """A client that records its position and the number of every event that it received."""

    seq: int
    received: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, message: Message) -> None:
        """Apply an update; an update that does not begin with the next event is a fault."""
        if message.event != "message":
            return
        update = message.data
        numbers = [int(number) for html in update["events"] for number in SEQ.findall(html)]
        if update["from"] != self.seq or message.id != str(update["seq"]):
            self.faults.append(f"at {self.seq} came an update from {update['from']} to {update['seq']}")
        if numbers != list(range(self.seq + 1, update["seq"] + 1)):
            self.faults.append(f"an update from {self.seq} to {update['seq']} has {numbers}")
        self.received += numbers
        self.seq = update["seq"]
