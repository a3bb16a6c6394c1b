"""The page of an environment, with access to its parts."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from deployments.environments.models.environments import Environment
from tests.pages.pages import Element, page


def url(environment: Environment, name: str = "environment", *more: int) -> str:
    return reverse(name, args=[environment.pk, *more])


def show(client: Client, environment: Environment, tab: str = "", query: str = "") -> Element:
    name = f"environment_{tab}" if tab else "environment"
    return page(client.get(url(environment, name) + query)).one("main")


def node(shown: Element, layout: str, tier: str, key: str) -> Element:
    return shown.one("a", id=f"{layout}-{tier}-{key}-link")


def row_of(shown: Element, row_id: str) -> str:
    return shown.one("tr", id=row_id).text
