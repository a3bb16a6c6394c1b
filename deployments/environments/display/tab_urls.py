"""The addresses of the tabs of an environment's page."""

from __future__ import annotations

from django.urls import reverse

from deployments.environments.models.environments import Environment

OVERVIEW, SERVERS, DATABASE, HISTORY, CONFIGURATION = (
    "overview",
    "servers",
    "database",
    "history",
    "configuration",
)


def tab_url(environment: Environment, name: str) -> str:
    """Return the address of a tab."""
    route = "environment" if name == OVERVIEW else f"environment_{name}"
    return reverse(route, args=[environment.pk])
