"""Datetime formats: in the current time zone, in ISO 8601, and as an age."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


def zone_name(local: datetime) -> str:
    """Return the name of a local time's zone: JST, UTC, or UTC+03 where the zone has no letters."""
    name = local.strftime("%Z")
    return f"UTC{name}" if name[:1] in "+-" else name


def timestamp(moment: datetime) -> str:
    """Return a time in the current zone to the second, with the zone: 2026-11-24 23:05:09 JST."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


def iso(moment: datetime) -> str:
    """Return a time in UTC in ISO 8601: 2026-11-24T14:05:09Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def exact_time(moment: datetime) -> str:
    """Return a time in the current zone and in UTC: 2026-11-24 23:05:09 JST · 2026-11-24T14:05:09Z."""
    local = timestamp(moment)
    return f"{local} · {iso(moment)}" if timezone.localtime(moment).utcoffset() else local


def clock(seconds: float) -> str:
    """Return a duration in clock format: 0:09, 8:42, 1:02:03. clock.js has the same format."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age_text(moment: datetime, now: datetime) -> str:
    """Return the time between two times in its largest whole unit."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < 60:
        return _("%(number)d s") % {"number": seconds}
    if seconds < 3600:
        return _("%(number)d min") % {"number": seconds // 60}
    if seconds < 2 * 86400:
        return _("%(number)d h") % {"number": seconds // 3600}
    return _("%(number)d d") % {"number": seconds // 86400}


def units() -> dict[str, str]:
    """Return the texts of `age_text`'s units for ages.js, with {n} for the number."""
    templates = {
        "s": _("%(number)d s"),
        "min": _("%(number)d min"),
        "h": _("%(number)d h"),
        "d": _("%(number)d d"),
    }
    return {unit: template.replace("%(number)d", "{n}") for unit, template in templates.items()}


def live_age(moment: datetime) -> SafeString:
    """Return the age of a time, which ages.js keeps current; hovering shows the time itself."""
    text = age_text(moment, timezone.now())
    return format_html(
        '<time data-age datetime="{}" title="{}">{}</time>', iso(moment), exact_time(moment), text
    )
