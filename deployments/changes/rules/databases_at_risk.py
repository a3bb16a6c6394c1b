"""Facts about the data that a change deletes, at the time when the preview was computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAtRisk:
    """A database cluster. `size` is in bytes; times are in ISO 8601; None: not known.

    `snapshots` is the number of its manual snapshots, which outlive it; `snapshot_at` is the newest one's
    time.
    """

    at: str = ""
    cluster: str = ""
    engine: str = ""
    instances: int = 0
    is_protected: bool = False
    snapshots: int | None = None
    snapshot_at: str | None = None
    size: float | None = None
    connections: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of a JSON column."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: object) -> Self | None:
        """Read the output of `to_json`; None for anything else. Ignore fields of a newer version of Sanso."""
        if not isinstance(stored, Mapping) or not stored.get("cluster"):
            return None
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__ if name in stored})

    @property
    def newest_snapshot(self) -> datetime | None:
        """Return the time of the newest snapshot; None if there is none."""
        return datetime.fromisoformat(self.snapshot_at) if self.snapshot_at else None

    @property
    def size_in_words(self) -> str:
        """Return the size with its unit; "" if it is not known."""
        return "" if self.size is None else " ".join(in_words(self.size))

    @property
    def observed_at(self) -> datetime | None:
        """Return the time of these facts."""
        return datetime.fromisoformat(self.at) if self.at else None


def in_words(size: float) -> tuple[str, str]:
    """Return a number of bytes as a number and its unit: 3.2, GiB."""
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    power = min(len(units) - 1, int(math.log(size, 1024))) if size >= 1 else 0
    number = size / 1024**power
    return (f"{number:.0f}" if power == 0 or number >= 100 else f"{number:.1f}"), units[power]
