"""The tabs of an environment's page: their names and addresses."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from deployments.environments.models.environments import Environment

OVERVIEW, SERVERS, DATABASE, HISTORY, CONFIGURATION = (
    "overview",
    "servers",
    "database",
    "history",
    "configuration",
)
LABELS = {
    OVERVIEW: pgettext_lazy("tab", "Overview"),
    SERVERS: pgettext_lazy("tab", "Servers"),
    DATABASE: pgettext_lazy("tab", "Database"),
    HISTORY: pgettext_lazy("tab", "History"),
    CONFIGURATION: pgettext_lazy("tab", "Configuration"),
}


def tab_url(environment: Environment, name: str) -> str:
    """Return the address of a tab."""
    route = "environment" if name == OVERVIEW else f"environment_{name}"
    return reverse(route, args=[environment.pk])
