"""The expected duration of a deployment, for the form that requests it, and its expected end, as texts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation import dependencies
from deployments.cloudformation.nested_templates import STACK
from deployments.common.pages import counts
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.stacks.models.forecast import expected_of
from deployments.stacks.models.stacks import Resource
from deployments.stacks.rules.forecast import Forecast
from deployments.template_sets.template_files.template_set import TemplateSet

MINUTE = 60
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """The text at one time, and the times (epoch milliseconds) with which the page keeps it current."""

    text: str
    end: int
    low: int
    high: int
    runs: int

    @property
    def band(self) -> str:
        """Return the expected end and its range as JSON, in epoch milliseconds."""
        return f"[{self.end},{self.low},{self.high}]"

    @property
    def is_first(self) -> bool:
        """Return whether there is no history to learn from."""
        return self.runs == 0


def eta(forecast: Forecast | None, now: int) -> Eta | None:
    """Return the text of a forecast; None if there is none."""
    if forecast is None:
        return None
    return Eta(
        text=left(*forecast.in_seconds(now)),
        end=round(forecast.end),
        low=round(forecast.low),
        high=round(forecast.high),
        runs=forecast.runs,
    )


def left(middle: float, low: float, high: float) -> str:
    """Return the seconds left as text. eta.js does the same with the same texts."""
    words = texts()
    if high <= 0:
        return words["overdue"]
    phrase = words["left"]
    for place, text in zip(("{middle}", "{low}", "{high}"), amount(middle, low, high), strict=True):
        phrase = phrase.replace(place, text)
    return phrase


def amount(middle: float, low: float, high: float) -> tuple[str, str, str]:
    """Return three numbers of seconds in the unit of the first one."""
    unit, name = _unit(high)
    phrase = texts()[name].replace("{n}", str(max(1, round(middle / unit))))
    return phrase, str(math.floor(low / unit)), str(math.ceil(high / unit))


def _unit(seconds: float) -> tuple[int, str]:
    if seconds < 2 * MINUTE:
        return 1, "seconds"
    return (MINUTE, "minutes") if seconds < 3 * HOUR else (HOUR, "hours")


def texts() -> dict[str, str]:
    """Return the texts in the current language, also for the page's script."""
    return {
        "left": _("about {middle} left ({low}–{high})"),
        "overdue": _("taking longer than expected"),
        "noForecast": _("no forecast while no worker is running"),
        "seconds": _("{n} s"),
        "minutes": _("{n} min"),
        "hours": _("{n} h"),
    }


@dataclass(frozen=True, slots=True)
class DurationEstimate:
    """The duration, its basis, and the counts of resources (with nested stacks) and of stacks, as texts."""

    takes: str
    basis: str
    size: str


def estimate_creation(
    template_set: TemplateSet, account: Account, chosen: Mapping[str, str]
) -> DurationEstimate:
    """Return the estimate for creating an environment in an account.

    Parameters that are not in `chosen` have their initial values.
    """
    values = {name: p.initial for name, p in template_set.parameters.items() if p.initial is not None}
    values |= chosen
    graph = dependencies.read(template_set.contents, template_set.root.name, values)
    optional = {State.PROTECT} if template_set.wants_protection(values) else set()
    forecast = expected_of(account, Kind.CREATE, graph, optional=optional).forecast
    nested = sum(kind == STACK for kind in graph.types.values())
    return DurationEstimate(
        takes=_takes(forecast),
        basis=_basis(forecast, account),
        size=_("%(resources)s in %(stacks)s")
        % {"resources": counts.resources(len(graph.types)), "stacks": counts.stacks(nested + 1)},
    )


@dataclass(frozen=True, slots=True)
class ChangeForecast:
    """The duration of a change from Apply until its environment is ready, its range, and its basis.

    The numbers are in seconds.
    """

    middle: str
    spread: str
    basis: str
    seconds: float
    low: float
    high: float


def change_forecast(account: Account, seconds: float, low: float, high: float, runs: int) -> ChangeForecast:
    """Return the forecast of a change in an account in words, from `runs` earlier changes."""
    middle, least, most = amount(seconds, low, high)
    basis = _basis_of_change(Forecast(seconds, low, high, runs), account)
    return ChangeForecast(middle, f"{least}–{most}", basis, seconds, low, high)


def deletion_takes(environment: Environment) -> str:
    """Return how long CloudFormation takes to delete what exists of an environment, as a sentence."""
    existing = Resource.objects.newest_of(environment)
    if not existing:
        return _("Takes less than a minute.")
    edges = {row.path: dependencies.from_rows(row.depends_on) for row in existing}
    graph = dependencies.Graph(
        {row.path: row.type for row in existing},
        {path: tuple(edge for edge in found if edge.path in edges) for path, found in edges.items()},
    )
    forecast = expected_of(environment.account, Kind.DELETE, graph).forecast
    return f"{_takes(forecast)} · {_basis(forecast, environment.account)}"


def _basis_of_change(forecast: Forecast, account: Account) -> str:
    if forecast.runs:
        text = ngettext("from %(n)d earlier change", "from %(n)d earlier changes", forecast.runs)
        return text % {"n": forecast.runs}
    if account.is_sandbox:
        return _("first change here: estimated from the sandbox's time scale")
    return _("first change here: estimated from published durations")


def _takes(forecast: Forecast) -> str:
    middle, low, high = amount(*forecast.in_seconds(0.0))
    return _("Takes about %(middle)s (%(low)s–%(high)s)") % {"middle": middle, "low": low, "high": high}


def _basis(forecast: Forecast, account: Account) -> str:
    if forecast.runs:
        return ngettext("based on %(count)d deployment", "based on %(count)d deployments", forecast.runs) % {
            "count": forecast.runs
        }
    if account.is_sandbox:
        return _("first deployment here: estimated from the sandbox's time scale")
    return _("first deployment here: estimated from published durations")
