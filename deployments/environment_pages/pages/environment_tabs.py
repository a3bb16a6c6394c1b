"""The tabs of an environment's page: their addresses, and the numbers of components with problems."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.environments.display.tab_urls import (
    DATABASE,
    LABELS,
    SERVERS,
    tab_url,
)
from deployments.environments.models.environments import Environment
from deployments.environments.rules.health_status import HealthStatus
from deployments.health.rules.rollup import Health

_TIERS = {SERVERS: ("web", "app"), DATABASE: ("database",)}
_IN_TROUBLE = (HealthStatus.UNHEALTHY, HealthStatus.DEGRADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentTab:
    """One tab. `problems` counts its components that are not healthy, "" if all are."""

    name: str
    label: str
    url: str
    is_shown: bool
    problems: str = ""


def environment_tabs(
    environment: Environment, shown: str, health: Health, *, is_observed: bool
) -> list[EnvironmentTab]:
    """Return the tabs; without observed components (`is_observed`), omit those of components."""
    names = [name for name in LABELS if is_observed or name not in _TIERS or name == shown]
    return [
        EnvironmentTab(
            name=name,
            label=str(LABELS[name]),
            url=tab_url(environment, name),
            is_shown=name == shown,
            problems=_problems(health, _TIERS.get(name, ())) if is_observed else "",
        )
        for name in names
    ]


def _problems(health: Health, tiers: tuple[str, ...]) -> str:
    components = [one for tier in health.tiers if tier.name in tiers for one in tier.components]
    failed = sum(one.assessment.status in _IN_TROUBLE for one in components)
    return _("%(failed)d of %(total)d") % {"failed": failed, "total": len(components)} if failed else ""
