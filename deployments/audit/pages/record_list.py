"""The list of audit records: its search, filters, days and orders; the page, files and the API read it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.access.models.audit_records import BY, OUTCOMES, AuditRecordQuerySet
from deployments.access.models.permissions import Person
from deployments.access.texts.commands import ACTIONS
from deployments.common.pages.choices import parse_number
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.template_sets.display.place_filters import PLACES, environment_choices

YEARS = (2000, 2999)
"""The years of valid days: a database stores no time before the year 1 in another time zone."""


def _actions(_user: Person, _value: str) -> list[tuple[str, str]]:
    return sorted(((name, str(label)) for name, label in ACTIONS.items()), key=lambda one: one[1])


def _since(rows: AuditRecordQuerySet, day: str) -> AuditRecordQuerySet:
    start = _start_of(day)
    return rows.since(start) if start else rows


def _until(rows: AuditRecordQuerySet, day: str) -> AuditRecordQuerySet:
    end = _start_of(day, days=1)
    return rows.until(end) if end else rows


def _start_of(text: str, *, days: int = 0) -> datetime | None:
    """Return the start of a day in the user's time zone, or so many days later; None for an invalid day."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if not YEARS[0] <= day.year <= YEARS[1]:
        return None
    return timezone.make_aware(datetime.combine(day + timedelta(days=days), time.min))


RECORDS = ListDeclaration(
    caption=_("Requests: %(order)s"),
    searched=_("Name, reason, user or key=value"),
    search=lambda rows, text: rows.containing(text),
    orders={
        "": ListOrder(label=_("Newest first")),
        "oldest": ListOrder(label=_("Oldest first"), is_reversed=True),
        "person": ListOrder(label=_("By user"), column="username"),
        "name": ListOrder(label=_("By environment"), column="name"),
        "account": ListOrder(label=_("By account"), column="account__name"),
    },
    narrowings=[
        Narrowing(
            name="action",
            label=_("Action"),
            everything=_("All"),
            choices=_actions,
            keep=lambda rows, value: rows.with_action(value),
        ),
        Narrowing(
            name="outcome",
            label=_("Result"),
            everything=_("All"),
            choices=OUTCOMES,
            keep=lambda rows, value: rows.with_outcome(value),
        ),
        Narrowing(
            name="by",
            label=_("Requested via"),
            everything=_("All"),
            choices=BY[1:],
            keep=lambda rows, value: rows.requested_by(value),
        ),
        *PLACES,
        Narrowing(
            name="environment",
            label=_("Environment"),
            everything=_("All environments"),
            choices=environment_choices,
            keep=lambda rows, value: rows.about_environment(parse_number(value), value),
        ),
        Narrowing(name="person", label=_("Person"), keep=lambda rows, value: rows.of_person(value)),
        Narrowing(name="since", label=_("From (day)"), keep=_since),
        Narrowing(name="until", label=_("To (day)"), keep=_until),
    ],
    has_days=True,
)
