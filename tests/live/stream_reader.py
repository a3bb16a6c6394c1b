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
        """Apply a frame; a frame that does not begin with the next event is a fault."""
        if message.event != "message":
            return
        frame = message.data
        numbers = [int(number) for html in frame["events"] for number in SEQ.findall(html)]
        if frame["from"] != self.seq or message.id != str(frame["seq"]):
            self.faults.append(f"at {self.seq} came a frame from {frame['from']} to {frame['seq']}")
        if numbers != list(range(self.seq + 1, frame["seq"] + 1)):
            self.faults.append(f"a frame from {self.seq} to {frame['seq']} has {numbers}")
        self.received += numbers
        self.seq = frame["seq"]
