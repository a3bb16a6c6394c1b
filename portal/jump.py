"""*Search or jump to*: environments, deployments, sets, accounts, pages and actions, by words of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.permissions import (
    Person,
    can,
    can_somewhere,
    visible_accounts,
    visible_deployments,
    visible_environments,
)
from deployments.access.pages.requests import AuthedRequest
from deployments.access.rules.roles import Right
from deployments.common.pages.choices import MAX_SEARCH
from deployments.environments.display.badges import ENVIRONMENT
from deployments.environments.display.tab_urls import LABELS, OVERVIEW, tab_url
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.sources import TemplateSource
from portal.navigation import places

MOST = 6
"""Maximum number of results in a group."""
MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpResult:
    """A page to open. `detail` says what the name does not."""

    name: str
    url: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultGroup:
    """Results of one kind."""

    title: str
    results: tuple[JumpResult, ...]


def groups_for(text: str, person: Person) -> list[ResultGroup]:
    """Return what a search finds for a person, in groups without empty ones.

    Each word must be in the name of a result; a number, with or without #, is that of a deployment. Without
    words there are pages and actions alone. Six queries.
    """
    words = text.lower().split()[:MOST]
    environments = _environments(words, person) if words else []
    found: Sequence[tuple[str, Iterable[JumpResult]]] = (
        (_("Environments"), _environment_results(environments, words)),
        (_("Deployments"), _deployments(words, person)),
        (
            _("Actions"),
            [*_tabs_and_actions(environments, words, person), *_pages(words, person, actions=True)],
        ),
        (_("Pages"), _pages(words, person, actions=False)),
        (_("Template sets"), _template_sets(words, person)),
        (_("Accounts"), _accounts(words, person)),
    )
    groups = [ResultGroup(title=title, results=tuple(islice(results, MOST))) for title, results in found]
    return [group for group in groups if group.results]


def _environments(words: list[str], person: Person) -> list[Environment]:
    """Return the environments whose name has one of the words: the others may name a tab or action."""
    condition = Q()
    for word in words:
        condition |= Q(name__icontains=word)
    rows = visible_environments(person).without_recordings().live().filter(condition)
    found = list(rows.select_related("account", "latest").by_age()[: MOST * MOST])
    return sorted(found, key=lambda row: (not row.name.lower().startswith(words[0]), row.name.lower()))


def _environment_results(environments: Iterable[Environment], words: list[str]) -> Iterator[JumpResult]:
    for row in environments:
        if all(word in row.name.lower() for word in words):
            detail = f"{ENVIRONMENT[row.state][2]} · {row.account}"
            yield JumpResult(name=row.name, url=row.get_absolute_url(), detail=detail)


def _actions(environments: Sequence[Environment], words: list[str], person: Person) -> Iterator[JumpResult]:
    yield from _tabs_and_actions(environments, words, person)
    yield from _pages(words, person, actions=True)


def _tabs_and_actions(
    environments: Sequence[Environment], words: list[str], person: Person
) -> Iterator[JumpResult]:
    """Yield tabs and actions: all of the only environment that was found, or those that the words name."""
    for row in environments[:MOST]:
        rest = [word for word in words if word not in row.name.lower()]
        if not rest and len(environments) > 1:
            continue
        for label, url, right in _of_environment(row):
            if all(word in label.lower() for word in rest) and (not right or can(person, right, row)):
                yield JumpResult(name=f"{row.name} · {label}", url=url)


def _of_environment(row: Environment) -> Iterator[tuple[str, str, str]]:
    """Yield the label, address and right of each action and tab; "" for what all may open who view it."""
    yield pgettext("action", "Change…"), reverse("environment_change", args=[row.pk]), Right.CHANGE
    for name, label in LABELS.items():
        if name != OVERVIEW:
            yield str(label), tab_url(row, name), ""
    yield pgettext("action", "Delete…"), reverse("environment_delete", args=[row.pk]), Right.DELETE


def _deployments(words: list[str], person: Person) -> Iterator[JumpResult]:
    number = words[0].removeprefix("#") if len(words) == 1 else ""
    if not number.isdecimal() or int(number) > MAX_KEY:
        return
    for row in visible_deployments(person).filter(pk=int(number)).select_related("environment"):
        name = _("Deployment %(number)s") % {"number": row.pk}
        yield JumpResult(name=name, url=row.get_absolute_url(), detail=str(row))


def _pages(words: list[str], person: Person, *, actions: bool) -> Iterator[JumpResult]:
    for place in places(person):
        label = str(place.label)
        if place.is_action is actions and all(word in label.lower() for word in words):
            yield JumpResult(name=label, url=reverse(place.route))


def _template_sets(words: list[str], person: Person) -> Iterator[JumpResult]:
    if not words or not can_somewhere(person, Right.VIEW):
        return
    for row in TemplateSource.objects.live().filter(_named(words)).order_by("name")[:MOST]:
        yield JumpResult(name=row.name, url=row.get_absolute_url())


def _accounts(words: list[str], person: Person) -> Iterator[JumpResult]:
    """Yield accounts, each with the list of its environments."""
    if not words:
        return
    for row in Account.objects.usable().filter(visible_accounts(person), _named(words)).distinct()[:MOST]:
        url = f"{reverse('environments')}?{urlencode({'account': row.pk})}"
        yield JumpResult(name=row.name, url=url, detail=row.region)


def _named(words: list[str]) -> Q:
    condition = Q()
    for word in words:
        condition &= Q(name__icontains=word)
    return condition


@require_GET
@vary_on_headers("HX-Request")
def jump(request: AuthedRequest) -> HttpResponse:
    """Show what a search finds, for the dialog of every page only the results."""
    text = request.GET.get("q", "")[:MAX_SEARCH].replace("\0", "").strip()
    page = "_jump_results.html" if request.headers.get("HX-Request") else "jump.html"
    return render(request, page, {"text": text, "groups": groups_for(text, request.user)})
