"""The filters of the audit records: read from an address, applied to a query, displayed as a form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

from django.http import QueryDict
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecordQuerySet
from deployments.common.pages.choices import parse_number
from deployments.environments.models.environments import Environment

NAMES = ("person", "action", "outcome", "environment", "account", "label", "set", "by", "since", "until", "q")
"""The parameters of the address."""
LONGEST = 200
YEARS = (2000, 2999)
"""The years of valid days: a database stores no time before the year 1 in another time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """The filters of one address; "" and None do not filter. Days are in the user's time zone."""

    person: str = ""
    action: str = ""
    outcome: str = ""
    environment: str = ""
    account: str = ""
    label: str = ""
    set: str = ""
    by: str = ""
    since: date | None = None
    until: date | None = None
    q: str = ""

    @classmethod
    def of(cls, given: QueryDict) -> Self:
        """Return the filters of a query. Invalid days are left out; all other values are kept."""
        texts = {
            name: given.get(name, "").strip()[:LONGEST] for name in NAMES if name not in ("since", "until")
        }
        return cls(**texts, since=_day(given.get("since", "")), until=_day(given.get("until", "")))

    @property
    def values(self) -> dict[str, str]:
        """Return the set filters as parameters of the address."""
        return {name: str(value) for name in NAMES if (value := getattr(self, name))}

    def records(self, rows: AuditRecordQuerySet) -> AuditRecordQuerySet:
        """Keep the records that match."""
        narrow: dict[str, Callable[[AuditRecordQuerySet], AuditRecordQuerySet]] = {
            "person": lambda found: found.of_person(self.person),
            "action": lambda found: found.with_action(self.action),
            "outcome": lambda found: found.with_outcome(self.outcome),
            "environment": lambda found: found.about_environment(
                parse_number(self.environment), self.environment
            ),
            "account": lambda found: found.in_account(parse_number(self.account)),
            "label": lambda found: found.of_environments(
                Environment.objects.with_label(*self.label.partition("=")[::2])
            ),
            "set": lambda found: found.of_environments(Environment.objects.of_source(parse_number(self.set))),
            "by": lambda found: found.requested_by(self.by),
            "since": lambda found: found.since(_start_of(self.since)),
            "until": lambda found: found.until(_start_of(self.until, days=1)),
            "q": lambda found: found.containing(self.q),
        }
        for name in self.values:
            rows = narrow[name](rows)
        return rows


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if YEARS[0] <= day.year <= YEARS[1] else None


def _start_of(day: date | None, *, days: int = 0) -> datetime:
    start = datetime.combine((day or timezone.now().date()) + timedelta(days=days), time.min)
    return timezone.make_aware(start, timezone.get_current_timezone())
