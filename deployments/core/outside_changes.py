"""Whether a stack was changed outside of Sanso since Sanso's last operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from deployments.core.status import is_final


def is_changed(known: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Return whether a stack was changed since the last operation of Sanso.

    Both are {"status", "updated"}: StackStatus and LastUpdatedTime. `known` is empty at the first observation
    after an operation of Sanso has ended: an operation in progress then is not Sanso's.
    """
    if not known:
        return not is_final(seen["status"]) and seen["status"] != "REVIEW_IN_PROGRESS"
    return dict(known) != dict(seen)


def is_updated(known: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Return whether an update has begun, so that its time is known."""
    return bool(seen["updated"]) and seen["updated"] != known.get("updated", "")


def is_updated_after(seen: Mapping[str, str], changes: Iterable[tuple[float, str]]) -> bool:
    """Return whether an update began after the last status change of an operation, both by AWS's clock.

    `changes` are the (epoch milliseconds, status) of the root stack in that operation.
    """
    last = max((at for at, _status in changes), default=None)
    if last is None or not seen["updated"]:
        return False
    return datetime.fromisoformat(seen["updated"]).timestamp() * 1000 > last
