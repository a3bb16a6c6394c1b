"""The list of environments: its rows with their health strips, and its search, filters and orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.access.models.permissions import Person, visible_environments
from deployments.common.pages.choices import parse_number
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.environment_pages.display.notes import notes_of
from deployments.environments.display.badges import ENVIRONMENT
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import EnvironmentQuerySet
from deployments.environments.rules.environment_state import EnvironmentState
from deployments.health.display.list_strip import list_strips
from deployments.locks.display.holds import lock_badge
from deployments.locks.models import EnvironmentLock
from deployments.template_sets.display.place_filters import PLACES
from deployments.template_sets.display.version import with_update

PROBLEMS = "problem"
"""The value of `status` that keeps what needs somebody: bad states, and failures beside other states."""
STATES = tuple(one for one in EnvironmentState if one is not EnvironmentState.DELETED)
FORMER = {"changing": Urgency.CHANGING, "deployed": Urgency.DEPLOYED}
"""Values of `status` in addresses from before there was one state."""


def _in_status(rows: EnvironmentQuerySet, status: str) -> EnvironmentQuerySet:
    """Keep the rows of a value of `status`; all of an unknown one."""
    if status in FORMER or status == PROBLEMS:
        return rows.of_urgency(FORMER.get(status, Urgency.PROBLEM))
    state = next((one for one in EnvironmentState if one == status), None)
    return rows.in_state(state) if state else rows


def _counts(rows: EnvironmentQuerySet) -> Mapping[str, int]:
    counts = rows.state_counts()
    by_state = {str(state): counts.by_state[state] for state in STATES}
    return by_state | {"": counts.by_state.total(), PROBLEMS: counts.by_urgency[Urgency.PROBLEM]}


def _statuses(_user: Person, value: str) -> list[tuple[str, Any]]:
    found = [(PROBLEMS, Urgency.PROBLEM.label), *((str(state), ENVIRONMENT[state][2]) for state in STATES)]
    return found + [(name, urgency.label) for name, urgency in FORMER.items() if name == value]


ENVIRONMENTS = ListDeclaration(
    caption=_("Environments: %(order)s"),
    searched=_("Name, owner or key=value"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=_("Problems first"), column="urgency", read=parse_number),
        "name": ListOrder(label=_("By name"), column="name"),
        "owner": ListOrder(label=_("By owner"), column="owner__username"),
        "account": ListOrder(label=_("By account"), column="account__name"),
        "version": ListOrder(
            label=_("By set and version"),
            column="template_version__source__name",
            then="template_version__number",
        ),
        "newest": ListOrder(label=_("Newest first")),
    },
    narrowings=[
        Narrowing(
            name="status",
            label=_("Status"),
            everything=_("All"),
            choices=_statuses,
            keep=_in_status,
            count=_counts,
        ),
        *PLACES,
        Narrowing(
            name="update",
            label=_("Version"),
            everything=_("All versions"),
            choices=[("1", _("Update available"))],
            keep=lambda rows, _value: rows.in_keys(with_update()),
        ),
        Narrowing(
            name="deleted",
            label=_("Deleted"),
            everything=_("Active"),
            choices=[("1", _("Include deleted"))],
            keep=lambda rows, _value: rows,
            default=lambda rows: rows.live(),
            hides=False,
        ),
    ],
)


def rows_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of a page of the rows that match a query, with the count of each status."""
    rows = visible_environments(user).without_recordings().for_list()
    context = ENVIRONMENTS.context(rows, given, user)
    found: list[Any] = context["rows"]  # each with its `urgency`
    strips, notes = list_strips(found), notes_of(found, user)
    locks = EnvironmentLock.objects.in_force_by_environment([row.pk for row in found], timezone.now())
    for row in found:
        row.strip, row.note = strips[row.pk], notes[row.pk]
        row.lock = lock_badge(locks.get(row.pk), row.name)
    return context | {"problems": context["counts"][PROBLEMS]}
