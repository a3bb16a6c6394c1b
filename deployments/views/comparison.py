"""The page that compares two deployments of an environment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.core.compare import compare
from deployments.models import Deployment
from deployments.models.comparison import parts_of
from deployments.presentation.comparison import rows_of
from deployments.presentation.filters.choices import filter_choices, parse_number
from deployments.views.requests import AuthedRequest
from deployments.views.visible import environment_or_404

CHOICES = 50
"""Deployments that can be chosen: the newest of the environment."""


@require_GET
def comparison_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the comparison of the deployments `?first=` and `?second=`.

    The defaults are the two latest deployments of one kind, or the two latest if no two are of one kind.
    """
    environment = environment_or_404(request, pk)
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
    """Return the deployments to compare: those of the query, completed to a pair of one kind, older first.

    `choices` are the deployments of the environment, newest first.
    """
    by_key = {deployment.pk: deployment for deployment in choices}
    given = (by_key.get(first), by_key.get(second))
    if given[0] and given[1]:
        return given
    every = [(older, newer) for newer, older in itertools.combinations(choices, 2)]
    fitting = [
        pair for pair in every if all(g is None or g is one for g, one in zip(given, pair, strict=True))
    ]
    pairs = fitting or every
    alike = (pair for pair in pairs if pair[0].kind == pair[1].kind)
    return next(alike, None) or next(iter(pairs), (None, None))
