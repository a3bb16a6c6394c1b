"""The expected end of a deployment as text: the time left, its range, and its basis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.stacks.rules.forecast import Forecast

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
