"""The list of environments: its rows with their health strips, and its filters."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.access.models.permissions import Person, visible_environments
from deployments.common.pages.choices import CURSOR, MAX_SEARCH, parse_number, query
from deployments.common.pages.lists import PAGE, Choices, ListControls, list_filter, order_filter
from deployments.environment_pages.display.notes import notes_of
from deployments.environments.display.badges import ENVIRONMENT
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import TEXT_ORDERS, EnvironmentCounts, EnvironmentQuerySet
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.health.display.list_strip import list_strips
from deployments.locks.display.holds import lock_badge
from deployments.locks.models import EnvironmentLock
from deployments.template_sets.display.place_filters import in_places, place_filters
from deployments.template_sets.display.version import with_update

BY_VERSION = "version"
"""The value of `sort` that orders the list by template set and version."""
NEWEST = "newest"
ORDERS = {
    "": gettext_lazy("Problems first"),
    "name": gettext_lazy("By name"),
    "owner": gettext_lazy("By owner"),
    "account": gettext_lazy("By account"),
    BY_VERSION: gettext_lazy("By set and version"),
    NEWEST: gettext_lazy("Newest first"),
}
"""The orders of the list by the value of `sort`."""
PROBLEMS = "problem"
"""The value of `status` that keeps what needs somebody: bad states, and failures beside other states."""
STATES = tuple(one for one in EnvironmentState if one is not EnvironmentState.DELETED)
FORMER: dict[str, EnvironmentState | Urgency] = {
    "changing": EnvironmentState.IN_PROGRESS,
    "deployed": Urgency.DEPLOYED,
}
"""Values of `status` in addresses from before there was one state."""


def _narrowed(given: QueryDict, user: Person) -> EnvironmentQuerySet:
    rows = visible_environments(user).without_recordings()
    rows = rows if given.get("deleted") else rows.live()
    if given.get("update"):
        rows = rows.in_keys(with_update())
    if given.get("q"):
        rows = rows.matching(str(given["q"])[:MAX_SEARCH])
    return in_places(rows, given)


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of a page of the rows that match a query, with the count of each state."""
    narrowed = _narrowed(given, user)
    rows = narrowed.for_list()
    rows = _in_status(rows, str(given.get("status", "")))
    sort = str(given.get("sort", ""))
    rows = _after(_ordered(rows, sort), sort, given.get(CURSOR, ""))
    found: list[Any] = list(rows[: PAGE + 1])  # each with its `urgency`
    last = found[PAGE - 1] if len(found) > PAGE else None
    strips = list_strips(found[:PAGE])
    notes = notes_of(found[:PAGE], user)
    locks = EnvironmentLock.objects.in_force_by_environment([row.pk for row in found], timezone.now())
    for row in found[:PAGE]:
        row.strip, row.note = strips[row.pk], notes[row.pk]
        row.lock = lock_badge(locks.get(row.pk), row.name)
    counts = narrowed.state_counts()
    return {
        "rows": found[:PAGE],
        "problems": counts.by_urgency[Urgency.PROBLEM],
        "controls": SimpleLazyObject(lambda: list_controls(given, counts, user)),
        "more": query(given, after=_cursor(last, sort)) if last else "",
        "caption": _caption(sort),
        "given": given,
    }


def _in_status(rows: EnvironmentQuerySet, status: str) -> EnvironmentQuerySet:
    """Keep the rows of a value of `status`; all of an unknown one."""
    if status == PROBLEMS:
        return rows.of_urgency(Urgency.PROBLEM)
    wanted = FORMER.get(status) or next((one for one in STATES if one == status), None)
    if isinstance(wanted, Urgency):
        return rows.of_urgency(wanted)
    return rows.in_state(wanted) if wanted else rows


def _ordered(rows: EnvironmentQuerySet, sort: str) -> EnvironmentQuerySet:
    if sort in TEXT_ORDERS:
        return rows.by_text(sort)
    if sort == NEWEST:
        return rows.by_age()
    return rows.by_version() if sort == BY_VERSION else rows


def _cursor(last: Any, sort: str) -> str:
    """Return the position of the last row of a page, from which the next one begins."""
    if sort in TEXT_ORDERS:
        return f"0-{last.pk}-{last.sort_text}"
    if sort == BY_VERSION:
        return f"{last.set_number}-{last.pk}-{last.set_name}"
    return f"{last.urgency}-{last.pk}"


def _after(rows: EnvironmentQuerySet, sort: str, cursor: str) -> EnvironmentQuerySet:
    """Keep the rows after a position in their order; without a position, keep all."""
    first, dash, rest = cursor.partition("-")
    pk, _dash, text = rest.partition("-")
    if not dash:
        return rows
    if sort in TEXT_ORDERS:
        return rows.after_text(text, parse_number(pk))
    if sort == BY_VERSION:
        return rows.after_version(text, parse_number(first), parse_number(pk))
    if sort == NEWEST:
        return rows.older_than(parse_number(pk))
    return rows.after(parse_number(first), parse_number(pk))


def _caption(sort: str) -> str:
    """Return the caption of the table: its order."""
    return _("Environments: %(order)s") % {"order": ORDERS.get(sort, ORDERS[""])}


def list_controls(given: QueryDict, counts: EnvironmentCounts, user: Person) -> ListControls:
    """Return the controls above the rows; `counts` are by state."""
    former = FORMER.get(str(given.get("status")))
    states: Choices = [
        ("", _("All"), counts.by_state.total()),
        (PROBLEMS, Urgency.PROBLEM.label, counts.by_urgency[Urgency.PROBLEM]),
        *((str(state), ENVIRONMENT[state][2], counts.by_state[state]) for state in STATES),
        *([(str(given["status"]), _label_of(former), None)] if former is not None else []),
    ]
    updates: Choices = [("", _("All versions"), None), ("1", _("Update available"), None)]
    deleted: Choices = [("", _("Active"), None), ("1", _("Include deleted"), None)]
    return ListControls(
        given=given,
        searched=_("Name, owner or key=value"),
        filters=[
            list_filter(given, "status", _("Status"), states),
            *place_filters(given, user),
            list_filter(given, "update", _("Version"), updates),
            order_filter(given, ORDERS),
            list_filter(given, "deleted", _("Deleted"), deleted, hides=False),
        ],
    )


def _label_of(former: EnvironmentState | Urgency) -> str | Promise:
    return former.label if isinstance(former, Urgency) else ENVIRONMENT[former][2]
