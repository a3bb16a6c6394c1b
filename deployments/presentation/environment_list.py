"""The list of environments: its rows with their health strips, and its filters."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from deployments.models import Account, Deployment, Environment, EnvironmentLock, TemplateSource
from deployments.models.environment import EnvironmentQuerySet, EnvironmentState
from deployments.presentation.filters.choices import CURSOR, filter_choices, parse_number, query
from deployments.presentation.health.list_strip import list_strips
from deployments.presentation.holds import lock_badge
from deployments.presentation.updates import update_badge, updates_by_environment, with_update

PAGE = 50
STATES = {state.name.lower(): state for state in EnvironmentState if state is not EnvironmentState.DELETED}


def _narrowed(given: QueryDict) -> EnvironmentQuerySet:
    rows = Environment.objects.all() if given.get("deleted") else Environment.objects.live()
    rows = rows.without_recordings()
    if given.get("update"):
        rows = rows.in_keys(with_update())
    if given.get("set"):
        rows = rows.of_source(parse_number(given.get("set")))
    return rows.in_account(parse_number(given.get("account"))) if given.get("account") else rows


def rows_context(given: QueryDict) -> dict[str, Any]:
    """Return the context of the rows that a query asks for: a page of them, and the counts of each state."""
    narrowed = _narrowed(given)
    rows = narrowed.for_list()
    state = STATES.get(str(given.get("status")))
    if state is not None:  # the most urgent one is 0
        rows = rows.in_state(state)
    if position := _position(given.get(CURSOR, "")):
        rows = rows.after(*position)
    found: list[Any] = list(rows[: PAGE + 1])  # each with its `state`
    last = found[PAGE - 1] if len(found) > PAGE else None
    strips = list_strips(found[:PAGE])
    waits = _waits([row.pk for row in found[:PAGE]])
    locks = EnvironmentLock.objects.in_force_by_environment([row.pk for row in found], timezone.now())
    offered = updates_by_environment(found[:PAGE])
    for row in found[:PAGE]:
        row.has_update = offered[row.pk].is_available and not row.deleted_at
        row.strip, row.waits = strips[row.pk], waits[row.pk]
        row.lock = lock_badge(locks.get(row.pk), row.name)
    return {
        "rows": found[:PAGE],
        "update_badge": update_badge(),
        "counts": narrowed.state_counts(),
        "more": query(given, after=f"{last.state}-{last.pk}") if last else "",
        "given": given,
    }


def _waits(environments: list[int]) -> dict[int, list[Deployment]]:
    """Return what waits for approval, for its time or for its turn in each of some environments."""
    found: dict[int, list[Deployment]] = defaultdict(list)
    for row in Deployment.objects.waiting_in(environments):
        found[row.environment_id].append(row)
    return found


def _position(text: str) -> tuple[int, int] | None:
    """Return (state, pk) of the last row of the page before, None for the first page."""
    state, dash, pk = text.partition("-")
    return (parse_number(state), parse_number(pk)) if dash else None


def filters_context(given: QueryDict, counts: dict[int, int]) -> dict[str, Any]:
    """Return the context of the filters above the rows; `counts` are by state."""
    accounts, sources = list(Account.objects.usable()), list(TemplateSource.objects.live())
    return {
        "by_status": filter_choices(
            given,
            "status",
            [
                ("", _("All"), sum(counts.values())),
                *((name, state.label, counts.get(state, 0)) for name, state in STATES.items()),
            ],
        ),
        "by_account": filter_choices(
            given, "account", [("", _("All accounts"), None), *((str(a.pk), a.name, None) for a in accounts)]
        ),
        "by_deleted": filter_choices(
            given, "deleted", [("", _("Active"), None), ("1", _("Include deleted"), None)]
        ),
        "by_set": filter_choices(
            given, "set", [("", _("All template sets"), None), *((str(s.pk), s.name, None) for s in sources)]
        ),
        "by_update": filter_choices(
            given, "update", [("", _("All versions"), None), ("1", _("Update available"), None)]
        ),
        "accounts": accounts,
        "sources": sources,
    }
