"""The page that compares two deployments of an environment, as rows with bars."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from deployments.access.pages.requests import AuthedRequest
from deployments.access.pages.visible import environment_or_404
from deployments.cloudformation.root_cause import root_cause
from deployments.common.pages.choices import filter_choices, parse_number
from deployments.common.pages.datetime_formats import clock
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.models import parts_of
from deployments.deployment_pages.rules.comparison import (
    ComparedPart,
    Comparison,
    Difference,
    Pair,
    compare,
    longer,
)
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import BEFORE_STACKS, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.timeline import failures_of

_SIGNS = {
    Difference.SAME: "=",
    Difference.ONLY_FIRST: "−",
    Difference.ONLY_SECOND: "+",
    Difference.STATUS: "≠",
    Difference.SLOWER: "▲",
    Difference.FASTER: "▼",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """A stack or resource in both: `first` and `second` are widths of bars, in percent of the longest."""

    pair: Pair
    level: int
    name: str
    stack: str
    sign: str
    label: str
    first_width: float
    second_width: float

    @property
    def short_type(self) -> str:
        """Return the type without the prefix that all types share."""
        return self.pair.type.removeprefix("AWS::")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonAnswer:
    """What a comparison found: in a few words, and of a failure why, with AWS's reason."""

    lead: str
    icon: str
    why: SafeString | str = ""
    message: str = ""


def answer_of(first: Deployment, second: Deployment, found: Comparison) -> ComparisonAnswer:
    """Return the answer to what the two have different: which failed and why, else which took longer."""
    failed = [one for one in (first, second) if one.has_failed]
    if failed:
        failure = failed[-1]
        leads = {
            (True, True): _("Both failed."),
            (False, True): _("Failed in the second."),
            (True, False): _("Failed in the first only."),
        }
        cause = root_cause(failures_of(failure, Event.objects.of(failure).landmarks()))
        banner = failure_banner.of_deployment(failure, cause, is_latest=False)
        return ComparisonAnswer(
            lead=leads[first in failed, second in failed],
            icon="fail",
            why=banner.headline if banner else headlines.error(failure.error_code, kind=failure.kind),
            message=banner.message if banner else "",
        )
    return ComparisonAnswer(
        lead=_durations(first, second, found), icon="equal" if not found.divergence else "swap"
    )


def _durations(first: Deployment, second: Deployment, found: Comparison) -> str:
    before, after = _took(first), _took(second)
    if before is None or after is None:
        return _("One of them has not ended.")
    difference = int(after) - int(before)  # of the durations as they are displayed below
    if longer(before, after) and difference > 0:
        return _("The second took %(time)s longer.") % {"time": clock(difference)}
    if longer(after, before) and difference < 0:
        return _("The second took %(time)s less.") % {"time": clock(-difference)}
    if found.divergence is None:
        return _("No differences; both took about the same time.")
    return _("Both took about the same time.")


def _took(one: Deployment) -> float | None:
    return (one.ended_at - one.began_at).total_seconds() if one.ended_at else None


def rows_of(found: Comparison, *, only_changed: bool) -> dict[str, Any]:
    shown = [p for p in found.pairs if not only_changed or p.difference is not Difference.SAME]
    longest = max((s for p in found.pairs for s in _seconds(p)), default=0.0) or 1.0
    return {
        "rows": [_row(pair, longest) for pair in shown],
        "parameters": found.parameters,
        "equal_parameters": found.equal_parameters,
        "divergence": _row(found.divergence, longest) if found.divergence else None,
        "counts": [
            (_SIGNS[kind], _label(kind), found.counts[kind]) for kind in Difference if found.counts[kind]
        ],
    }


def _seconds(pair: Pair) -> Iterable[float]:
    return [part.seconds for part in (pair.first, pair.second) if part and part.seconds is not None]


def _row(pair: Pair, longest: float) -> ComparedRow:
    stack, _slash, name = pair.path.rpartition("/")
    return ComparedRow(
        pair=pair,
        level=pair.path.count("/") + 2 if pair.path else 1,
        name=name or _("Root stack"),
        stack=stack,
        sign=_SIGNS[pair.difference],
        label=_label(pair.difference),
        first_width=_width(pair.first, longest),
        second_width=_width(pair.second, longest),
    )


def _width(part: ComparedPart | None, longest: float) -> float:
    return round(100 * part.seconds / longest, 1) if part and part.seconds else 0.0


def _label(difference: Difference) -> str:
    return {
        Difference.SAME: _("no difference"),
        Difference.ONLY_FIRST: _("only in the first"),
        Difference.ONLY_SECOND: _("only in the second"),
        Difference.STATUS: _("different result"),
        Difference.SLOWER: _("slower"),
        Difference.FASTER: _("faster"),
    }[difference]


CHOICES = 50
"""Number of deployments to choose from: the newest of the environment."""

_Chosen: TypeAlias = tuple[Deployment | None, Deployment | None]
NEITHER: _Chosen = (None, None)


@require_GET
def comparison_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the comparison of the deployments `?first=` and `?second=`.

    The defaults are the two latest finished deployments of one kind, or else the two latest finished ones.
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
        context["answer"] = answer_of(first, second, found)
        context |= rows_of(found, only_changed=request.GET.get("show") == "changed")
    return render(request, "deployment_pages/comparison.html", context)


def _chosen(choices: Sequence[Deployment], first: int, second: int) -> _Chosen:
    """Return the deployments to compare: those of the query, completed to a pair of one kind, older first.

    `choices` are the deployments of the environment, newest first. Deployments that complete the query are
    finished ones if possible: previews, and those in progress or never begun, are compared only if chosen.
    """
    by_key = {deployment.pk: deployment for deployment in choices}
    given = (by_key.get(first), by_key.get(second))
    if given[0] and given[1]:
        return given
    finished = [one for one in choices if one in given or _has_finished(one)]
    tries = itertools.product((given, NEITHER), (finished, choices))
    found = (_latest_pair(among, wanted) for wanted, among in tries)
    return next((pair for pair in found if pair), NEITHER)


def _latest_pair(choices: Sequence[Deployment], given: _Chosen) -> tuple[Deployment, Deployment] | None:
    """Return the latest pair that includes the given ones, of one kind if possible; None without a pair."""
    pairs = [
        (older, newer)
        for newer, older in itertools.combinations(choices, 2)
        if given[0] in (None, older) and given[1] in (None, newer)
    ]
    alike = [(older, newer) for older, newer in pairs if older.kind == newer.kind]
    return next(iter(alike or pairs), None)


def _has_finished(deployment: Deployment) -> bool:
    """Return whether a deployment has ended after it began to change its environment."""
    return not deployment.is_active and State(deployment.last_phase) not in BEFORE_STACKS
