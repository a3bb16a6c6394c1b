"""The tabs of a deployment's page, and the selection of one by the address."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import pgettext_lazy

NAMES = {
    "waterfall": pgettext_lazy("tab", "Waterfall"),
    "events": pgettext_lazy("tab", "Events"),
    "inputs": pgettext_lazy("tab", "Inputs and outputs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab and its query."""

    name: str
    label: str
    url: str
    chosen: bool


def chosen(given: QueryDict, *, otherwise: str) -> str:
    """Return the tab in a query, or else the default."""
    wanted = given.get("tab", "")
    return wanted if wanted in NAMES else otherwise


def tabs(shown: str) -> list[Tab]:
    """Return all tabs with `shown` selected."""
    return [
        Tab(name=name, label=str(label), url=f"?tab={name}", chosen=name == shown)
        for name, label in NAMES.items()
    ]
