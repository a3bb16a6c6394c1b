"""What a step of a drill returns or raises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.common.errors import Message


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """The values of the row that changed, and the seconds until the next step; None: there is none."""

    after: float | None
    values: Mapping[str, Any] = field(default_factory=dict)


class DrillFailed(Exception):
    """Raised when the restore does not work, with the reason."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message
