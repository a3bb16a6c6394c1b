"""The outcome of one attempt to send a notification."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.common.errors import Message
from deployments.notifications.rules.topics import Reception


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an attempt. `status` is that of an HTTP response; `problem` is why it failed."""

    reception: Reception
    status: int | None = None
    problem: Message | None = None
    retry_after: float | None = None
