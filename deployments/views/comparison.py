"""The page that puts two deployments of an environment side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.core.compare import Comparison, Difference, Pair, Part, compare
from deployments.models import Deployment, Environment
from deployments.models.comparison import parts_of
from deployments.views.chips import chips, number
from deployments.views.requests import AuthedRequest

CHOICES = 50
"""Deployments that can be chosen: the newest of the environment."""
_SIGNS = {
    Difference.SAME: "=",
    Difference.ONLY_FIRST: "−",
    Difference.ONLY_SECOND: "+",
    Difference.STATUS: "≠",
    Difference.SLOWER: "▲",
    Difference.FASTER: "▼",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stack or resource in both: `first` and `second` are widths of bars, in percent of the longest."""

    pair: Pair
    level: int
    name: str
    stack: str
    sign: str
    word: str
    first_width: float
    second_width: float

    @property
    def short_type(self) -> str:
        """Return the type without what all of them begin with."""
        return self.pair.type.removeprefix("AWS::")


@require_GET
def comparison_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show what is the same and what is not between the deployments `?first=` and `?second=`.

    Without them: the latest deployment and the one of its kind before it.
    """
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    choices = list(Deployment.objects.for_list().of(environment)[:CHOICES])
    first, second = _chosen(choices, number(request.GET.get("first")), number(request.GET.get("second")))
    context: dict[str, Any] = {
        "environment": environment,
        "choices": choices,
        "first": first,
        "second": second,
        "only": chips(request.GET, "show", [("", _("All"), None), ("changed", _("What differs"), None)]),
    }
    if first and second:
        found = compare(parts_of(first), parts_of(second), first.parameters, second.parameters)
        context |= _told(found, only_changed=request.GET.get("show") == "changed")
    return render(request, "deployments/comparison.html", context)


def _chosen(
    choices: Sequence[Deployment], first: int, second: int
) -> tuple[Deployment | None, Deployment | None]:
    """Return what is compared, the older one first unless the query wants it otherwise."""
    by_key = {deployment.pk: deployment for deployment in choices}
    right = by_key.get(second) or next(iter(choices), None)
    if right is None:
        return None, None
    earlier = [d for d in choices if d.pk < right.pk]
    left = by_key.get(first) or next((d for d in earlier if d.kind == right.kind), next(iter(earlier), None))
    return left, right


def _told(found: Comparison, *, only_changed: bool) -> dict[str, Any]:
    shown = [p for p in found.pairs if not only_changed or p.difference is not Difference.SAME]
    longest = max((s for p in found.pairs for s in _seconds(p)), default=0.0) or 1.0
    return {
        "rows": [_row(pair, longest) for pair in shown],
        "parameters": found.parameters,
        "divergence": _row(found.divergence, longest) if found.divergence else None,
        "counts": [
            (_SIGNS[kind], _word(kind), found.counts[kind]) for kind in Difference if found.counts[kind]
        ],
    }


def _seconds(pair: Pair) -> Iterable[float]:
    return [part.seconds for part in (pair.first, pair.second) if part and part.seconds is not None]


def _row(pair: Pair, longest: float) -> Row:
    stack, _slash, name = pair.path.rpartition("/")
    return Row(
        pair=pair,
        level=pair.path.count("/") + 2 if pair.path else 1,
        name=name or _("Root stack"),
        stack=stack,
        sign=_SIGNS[pair.difference],
        word=_word(pair.difference),
        first_width=_width(pair.first, longest),
        second_width=_width(pair.second, longest),
    )


def _width(part: Part | None, longest: float) -> float:
    return round(100 * part.seconds / longest, 1) if part and part.seconds else 0.0


def _word(difference: Difference) -> str:
    return {
        Difference.SAME: _("the same"),
        Difference.ONLY_FIRST: _("only in the first"),
        Difference.ONLY_SECOND: _("only in the second"),
        Difference.STATUS: _("ended otherwise"),
        Difference.SLOWER: _("took longer"),
        Difference.FASTER: _("took less"),
    }[difference]
