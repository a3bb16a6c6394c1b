"""The 24-hour strip in the list of environments: a bar for each hour with its worst state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.environments.display.badges import HEALTH
from deployments.environments.models.environments import Environment
from deployments.environments.rules.health_status import SEVERITY, HealthStatus
from deployments.health.display.history import BAR_HEIGHTS, STRIP_HEIGHT
from deployments.health.models.samples import HealthSample

HOURS = 24


def list_strips(environments: Sequence[Environment]) -> dict[int, SafeString]:
    """Return the strip of each environment by its pk, read in one query."""
    this_hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = this_hour - timedelta(hours=HOURS - 1)
    worst: dict[tuple[int, int], HealthStatus] = {}
    for pk, hour, text in HealthSample.objects.statuses_by_hour(environments, first):
        column, word = _column(hour, first), HealthStatus(text)
        known = worst.get((pk, column))
        if known is None or SEVERITY[word] > SEVERITY[known]:
            worst[pk, column] = word
    return {
        one.pk: _strip(
            [worst.get((one.pk, column), HealthStatus.UNKNOWN) for column in range(HOURS)],
            skipped=max(0, min(HOURS - 1, _column(one.created_at, first))),
        )
        for one in environments
    }


def _column(hour: datetime, first: datetime) -> int:
    return int((hour - first).total_seconds() // 3600)


def _strip(words: Sequence[HealthStatus], *, skipped: int) -> SafeString:
    """Return a bar for each hour except the first `skipped` ones, when the environment did not exist yet."""
    step = 100 / HOURS
    return format_html(
        '<svg class="mini" width="100%" height="{}" role="img" aria-label="{}">{}</svg>',
        STRIP_HEIGHT,
        _label(words[skipped:]),
        format_html_join(
            "",
            '<rect class="is-{}" x="{}%" y="{}" width="{}%" height="{}"/>',
            (
                (
                    HEALTH[word][0],
                    round(column * step, 2),
                    STRIP_HEIGHT - BAR_HEIGHTS[word],
                    round(step * 0.7, 2),
                    BAR_HEIGHTS[word],
                )
                for column, word in enumerate(words)
                if column >= skipped
            ),
        ),
    )


def _label(words: Sequence[HealthStatus]) -> str:
    bad = sum(word in (HealthStatus.DEGRADED, HealthStatus.UNHEALTHY) for word in words)
    if not bad and len(words) < HOURS:
        return _("Since creation: no incidents")
    if not bad:
        return _("Last 24 hours: no incidents")
    return ngettext(
        "Last 24 hours: incidents in %(count)d hour", "Last 24 hours: incidents in %(count)d hours", bad
    ) % {"count": bad}
