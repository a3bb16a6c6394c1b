"""The comparison of two deployments, as rows with bars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.cloudformation.root_cause import root_cause
from deployments.common.pages.datetime_formats import clock
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.rules.comparison import (
    ComparedPart,
    Comparison,
    Difference,
    Pair,
    longer,
)
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
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
class Answer:
    """What a comparison found: in a few words, and of a failure why, with AWS's reason and its place."""

    lead: str
    icon: str
    why: SafeString | str = ""
    message: str = ""
    name: str = ""


def answer_of(first: Deployment, second: Deployment, found: Comparison) -> Answer:
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
        return Answer(
            lead=leads[first in failed, second in failed],
            icon="fail",
            why=banner.headline if banner else headlines.error(failure.error_code, kind=failure.kind),
            message=banner.message if banner else "",
            name=f"{failure.get_kind_display()} {failure.pk}",
        )
    return Answer(lead=_durations(first, second, found), icon="equal" if not found.divergence else "swap")


def _durations(first: Deployment, second: Deployment, found: Comparison) -> str:
    before, after = _took(first), _took(second)
    if before is None or after is None:
        return _("One of them has not ended.")
    if longer(before, after):
        return _("The second took %(time)s longer.") % {"time": clock(after - before)}
    if longer(after, before):
        return _("The second took %(time)s less.") % {"time": clock(before - after)}
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
