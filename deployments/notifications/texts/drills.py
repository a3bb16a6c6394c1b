"""The lines of a notification about a restore drill: its result, and the times that it measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from deployments.common.texts import stored_text


def drill_lines(payload: Mapping[str, Any]) -> list[str]:
    """Return why a drill failed or what passed, and its times as far as they are known."""
    drill = payload.get("drill") or {}
    found = [
        stored_text(drill.get("message") or {}),
        _("Database: %(name)s") % {"name": drill.get("cluster")},
    ]
    if (rpo := drill.get("rpo_seconds")) is not None:
        found.append(_("Age of the data (RPO): %(time)s") % {"time": _duration(rpo)})
    if (rto := drill.get("rto_seconds")) is not None:
        found.append(_("Time to restore (RTO): %(time)s") % {"time": _duration(rto)})
    return found


def _duration(seconds: float) -> str:
    """Return hours, minutes and seconds."""
    return str(timedelta(seconds=round(seconds)))
