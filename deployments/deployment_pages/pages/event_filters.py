"""The filters of a deployment's events: read from an address, applied to a query, displayed as menus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from deployments.cloudformation.status import DisplayStatus, statuses_of
from deployments.environments.display.badges import GLYPHS, LABELS
from deployments.environments.models.deployments import Deployment
from deployments.stacks.display import event_texts
from deployments.stacks.models.events import SOURCES, Event, EventQuerySet
from deployments.stacks.models.stacks import Resource, Stack

POSITION_PARAMETERS = ("event", "after", "before", "since", "until")
"""The query parameters with the position in the log where a page begins; changing a filter resets it."""
STATUSES = (
    DisplayStatus.FAILED,
    DisplayStatus.CANCELLED,
    DisplayStatus.PROGRESS,
    DisplayStatus.SETTLING,
    DisplayStatus.DONE,
    DisplayStatus.ROLLING_BACK,
    DisplayStatus.ROLLED_BACK,
    DisplayStatus.DELETED,
)
OTHER_PARAMETERS = ("tab", "row", "show", "tier", "find", "then")
"""Query parameters of the same page that do not concern its events."""
LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """The filters of one address. `stack` is a path of logical ids and includes everything under it."""

    stack: str = ""
    type: str = ""
    status: str = ""
    source: str = ""
    problems: bool = False
    text: str = ""
    apart: bool = False

    @classmethod
    def of(cls, given: QueryDict) -> Self:
        """Return the filters of a query; unknown values match nothing."""
        return cls(
            stack=given.get("stack", "").strip("/"),
            type=given.get("type", ""),
            status=given.get("status", ""),
            source=given.get("source", ""),
            problems=bool(given.get("problems")),
            text=given.get("q", "").strip()[:LONGEST],
            apart=bool(given.get("apart")),
        )

    @property
    def is_set(self) -> bool:
        """Return whether any filter is set."""
        return self != EventFilter(apart=self.apart)

    @property
    def folds(self) -> bool:
        """Return whether repeated events are folded into the line of the first one; not in a text search."""
        return not self.apart and not self.text

    def events(self, deployment: Deployment) -> EventQuerySet:
        """Return the matching events in their order, repeated ones included."""
        found = Event.objects.of(deployment)
        if self.stack or self.text:
            found = self._narrowed(found, deployment)
        if self.type:
            found = found.about_type(self.type)
        if self.status:
            found = _with_status(found, self.status)
        if self.source:
            found = found.from_source(self.source)
        return found.problems() if self.problems else found

    def _narrowed(self, found: EventQuerySet, deployment: Deployment) -> EventQuerySet:
        stacks = {stack.path: stack for stack in Stack.objects.of(deployment).only("path", "parent")}
        if self.stack:
            own = stacks.get(self.stack)
            below = [s.pk for path, s in stacks.items() if f"{path}/".startswith(f"{self.stack}/")]
            found = found.within(below, own.parent_id if own else None, self.stack.rpartition("/")[2])
        if self.text:
            wanted = self.text.replace(" ▸ ", "/").casefold()
            named = [s.pk for path, s in stacks.items() if wanted in path.casefold()]
            found = found.containing(self.text, stacks=named, numbers=_matching_sentences(deployment, wanted))
        return found


def _with_status(found: EventQuerySet, name: str) -> EventQuerySet:
    if name not in STATUSES:
        return found.none()
    wanted = DisplayStatus(name)
    if wanted in (DisplayStatus.FAILED, DisplayStatus.CANCELLED):
        return found.with_status(statuses_of(DisplayStatus.FAILED)).cancelled(
            wanted is DisplayStatus.CANCELLED
        )
    return found.with_status(statuses_of(wanted))


def _matching_sentences(deployment: Deployment, wanted: str) -> list[int]:
    """Return the numbers of the portal's own events (there are few) whose sentence contains the text."""
    own = Event.objects.of(deployment).from_source("portal")
    return [event.seq for event in own if wanted in event_texts.event(event).casefold()]


# --- as menus and toggles -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOption:
    """One value of a filter, and the query that sets it."""

    name: str
    label: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterMenu:
    """A filter with its values. `chosen` is the label of the selected value, `clear` the query without it."""

    name: str
    label: str
    chosen: str
    clear: str
    options: Sequence[FilterOption]


def menus(given: QueryDict, wanted: EventFilter, deployment: Deployment) -> list[FilterMenu]:
    """Return the filters that have many values, each with those that this deployment can have."""
    paths = sorted(stack.path for stack in Stack.objects.of(deployment).only("path") if stack.path)
    types = sorted(set(Resource.objects.of_deployment(deployment).values_list("type", flat=True)))
    statuses = [(str(one), f"{GLYPHS[one]} {LABELS[one]}") for one in STATUSES]
    return [
        _menu(given, "stack", pgettext_lazy("filter", "Stack"), wanted.stack, _paths(paths)),
        _menu(given, "type", pgettext_lazy("filter", "Type"), wanted.type, _types(types)),
        _menu(given, "status", pgettext_lazy("filter", "Status"), wanted.status, statuses),
        _menu(given, "source", pgettext_lazy("filter", "Source"), wanted.source, SOURCES),
    ]


def _paths(paths: Iterable[str]) -> list[tuple[str, str]]:
    return [(path, path.replace("/", " ▸ ")) for path in paths]


def _types(types: Iterable[str]) -> list[tuple[str, str]]:
    return [(type_, type_.removeprefix("AWS::")) for type_ in types]


def _menu(
    given: QueryDict, name: str, label: str | Promise, now: str, values: Iterable[tuple[str, str]]
) -> FilterMenu:
    labels = dict(values)
    return FilterMenu(
        name=name,
        label=str(label),
        chosen=labels.get(now, now),
        clear=query(given, **{name: ""}),
        options=[
            FilterOption(name=value, label=str(text), url=query(given, **{name: value}), chosen=value == now)
            for value, text in labels.items()
        ],
    )


def toggles(given: QueryDict, wanted: EventFilter) -> list[FilterOption]:
    """Return the filters that are on or off."""
    problems = query(given, problems="" if wanted.problems else "1")
    apart = query(given, apart="" if wanted.apart else "1")
    return [
        FilterOption(name="problems", label=_("Problems"), url=problems, chosen=wanted.problems),
        FilterOption(name="apart", label=_("Show repeats separately"), url=apart, chosen=wanted.apart),
    ]


def query(given: QueryDict, **changes: str) -> str:
    """Return the query with some values changed; "" removes one. It always selects the events tab."""
    changed = given.copy()
    for name, value in (dict.fromkeys(POSITION_PARAMETERS, "") | changes | {"tab": "events"}).items():
        if value:
            changed[name] = value
        else:
            changed.pop(name, None)
    return f"?{changed.urlencode()}"


def state(given: QueryDict) -> str:
    """Return only the filters, in the form that the page's script reads from the address."""
    rest = given.copy()
    for name in (*OTHER_PARAMETERS, *POSITION_PARAMETERS):
        rest.pop(name, None)
    return rest.urlencode()
