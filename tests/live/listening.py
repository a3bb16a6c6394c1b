"""Reading a deployment's event stream as a page does, and checking that nothing is missing or twice."""

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
    """Give the messages of a stream that yields whole blocks."""
    async for block in stream:
        if message := parse(block.decode()):
            yield message


@dataclass
class Listener:
    """A page that only counts: where it stands, and every event number it was sent."""

    seq: int
    heard: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, message: Message) -> None:
        """Go on by a frame; anything but the very next event is a fault."""
        if message.event != "message":
            return
        frame = message.data
        numbers = [int(number) for html in frame["events"] for number in SEQ.findall(html)]
        if frame["from"] != self.seq or message.id != str(frame["seq"]):
            self.faults.append(f"at {self.seq} came a frame from {frame['from']} to {frame['seq']}")
        if numbers != list(range(self.seq + 1, frame["seq"] + 1)):
            self.faults.append(f"a frame from {self.seq} to {frame['seq']} has {numbers}")
        self.heard += numbers
        self.seq = frame["seq"]
