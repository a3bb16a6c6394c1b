"""The page that compares two deployments of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.core.compare import compare
from deployments.models import Deployment, Environment
from deployments.models.comparison import parts_of
from deployments.presentation.comparison import rows_of
from deployments.presentation.filters.choices import filter_choices, parse_number
from deployments.views.requests import AuthedRequest

CHOICES = 50
"""Deployments that can be chosen: the newest of the environment."""


@require_GET
def comparison_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the comparison of the deployments `?first=` and `?second=`.

    The defaults are the latest deployment and the previous one of its kind.
    """
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    choices = list(Deployment.objects.for_list().of(environment)[:CHOICES])
    first, second = _chosen(
        choices, parse_number(request.GET.get("first")), parse_number(request.GET.get("second"))
    )
    context: dict[str, Any] = {
        "environment": environment,
        "choices": choices,
        "first": first,
        "second": second,
        "only": filter_choices(
            request.GET, "show", [("", _("All"), None), ("changed", _("Differences only"), None)]
        ),
    }
    if first and second:
        found = compare(parts_of(first), parts_of(second), first.parameters, second.parameters)
        context |= rows_of(found, only_changed=request.GET.get("show") == "changed")
    return render(request, "deployments/comparison.html", context)


def _chosen(
    choices: Sequence[Deployment], first: int, second: int
) -> tuple[Deployment | None, Deployment | None]:
    """Return the deployments to compare, the older one first unless the query has another order."""
    by_key = {deployment.pk: deployment for deployment in choices}
    right = by_key.get(second) or next(iter(choices), None)
    if right is None:
        return None, None
    earlier = [d for d in choices if d.pk < right.pk]
    left = by_key.get(first) or next((d for d in earlier if d.kind == right.kind), next(iter(earlier), None))
    return left, right
