"""The pages of template sets: sets with their newest versions, and one set with its versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from deployments.access.models.permissions import Person, visible_environments
from deployments.cloudformation.status import DisplayStatus
from deployments.common.pages.choices import CURSOR, MAX_SEARCH, parse_number, query
from deployments.common.pages.lists import ListControls, list_filter, order_filter
from deployments.environments.display import badges
from deployments.environments.models.environments import Environment
from deployments.template_sets.models.lint_results import TemplateCheck
from deployments.template_sets.models.sources import KINDS, TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import ACTIVE, DEPRECATED, TemplateRef, TemplateVersion

PAGE = 50
FETCHES = 10
ORDERS = {
    "": gettext_lazy("Bundled first"),
    "name": gettext_lazy("By name"),
    "newest": gettext_lazy("Newest version first"),
    "environments": gettext_lazy("Most environments first"),
}
"""The orders of the list by the value of `sort`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRow:
    """One template set in the list. `runs` has (version, number of environments), the newest first."""

    source: TemplateSource
    newest: TemplateVersion | None
    runs: list[tuple[TemplateVersion, int]]
    moved_tags: int
    fetch: TemplateFetch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version of a set. `runs` are the environments that have it."""

    version: TemplateVersion
    status: SafeString
    lint: SafeString
    runs: list[Environment]
    moved: list[TemplateRef]


def sets_context(given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of the list for a query, in a constant number of database queries."""
    rows = [row for row in _set_rows(user) if _is_wanted(row, given)]
    sort = given.get("sort", "")
    if sort == "newest":
        rows.sort(key=lambda row: row.newest.fetched_at.timestamp() if row.newest else 0, reverse=True)
    elif sort == "environments":
        rows.sort(key=lambda row: sum(number for _version, number in row.runs), reverse=True)
    elif sort == "name":
        rows.sort(key=lambda row: row.source.name.lower())
    return {
        "rows": rows,
        "given": given,
        "caption": _("Template sets: %(order)s") % {"order": ORDERS.get(sort, ORDERS[""])},
        "controls": ListControls(
            given=given,
            searched=_("Name, address or version"),
            filters=[
                list_filter(
                    given,
                    "kind",
                    _("Source"),
                    [("", _("All sources"), None), *((kind, name, None) for kind, name in KINDS)],
                ),
                order_filter(given, ORDERS),
            ],
        ),
    }


def _is_wanted(row: SetRow, given: QueryDict) -> bool:
    """Return whether a template set matches the kind and the text of a query."""
    if given.get("kind") and row.source.kind != given["kind"]:
        return False
    labels = [row.newest.label] if row.newest else []
    labels += [version.label for version, _number in row.runs]
    text = str(given.get("q", "")).strip()[:MAX_SEARCH].lower()
    return any(text in one.lower() for one in (row.source.name, row.source.url, *labels))


def _set_rows(user: Person) -> list[SetRow]:
    sources = sorted(TemplateSource.objects.live(), key=lambda one: (not one.is_bundled, one.name.lower()))
    newest = {one.source_id: one for one in TemplateVersion.objects.newest_of_each()}
    counts = visible_environments(user).live().without_recordings().count_by_version()
    runs: dict[int, list[tuple[TemplateVersion, int]]] = defaultdict(list)
    for version in TemplateVersion.objects.filter(pk__in=counts).order_by("-number"):
        runs[version.source_id].append((version, counts[version.pk]))
    moved = TemplateRef.objects.moved_tags().count_by_source()
    fetches = {one.source_id: one for one in TemplateFetch.objects.active()}
    return [
        SetRow(
            source=one,
            newest=newest.get(one.pk),
            runs=runs[one.pk],
            moved_tags=moved.get(one.pk, 0),
            fetch=fetches.get(one.pk),
        )
        for one in sources
    ]


def set_context(source: TemplateSource, given: QueryDict, user: Person) -> dict[str, Any]:
    """Return the context of the page of one set: its versions, moved tags and latest fetches."""
    versions = TemplateVersion.objects.of(source)
    if before := parse_number(given.get(CURSOR)):
        versions = versions.filter(number__lt=before)
    found = list(versions[: PAGE + 1])
    moved = list(TemplateRef.objects.moved_tags().of(source))
    fetches = list(TemplateFetch.objects.of(source).defer("archive")[:FETCHES])
    return {
        "source": source,
        "rows": version_rows(found[:PAGE], user, moved),
        "more": query(given, **{CURSOR: str(found[PAGE - 1].number)}) if len(found) > PAGE else "",
        "moved": moved,
        "fetches": [(one, fetch_badge(one)) for one in fetches],
        "fetch": next((one for one in fetches if one.active_key), None),
    }


def version_rows(
    versions: list[TemplateVersion], user: Person, moved: Iterable[TemplateRef] = ()
) -> list[VersionRow]:
    """Return the rows of versions, with the environments that the person may view, in a few queries."""
    runs: dict[int, list[Environment]] = defaultdict(list)
    for environment in visible_environments(user).live().without_recordings().with_versions(versions):
        runs[environment.template_version_id or 0].append(environment)
    checks = TemplateCheck.objects.in_bulk([one.digest for one in versions], field_name="digest")
    tags: dict[int, list[TemplateRef]] = defaultdict(list)
    for ref in moved:
        tags[ref.version_id].append(ref)
    return [
        VersionRow(
            version=one,
            status=status_badge(one),
            lint=lint_badge(checks.get(one.digest)),
            runs=runs[one.pk],
            moved=tags[one.pk],
        )
        for one in versions
    ]


def status_badge(version: TemplateVersion) -> SafeString:
    """Return the badge of a version's status."""
    statuses = {ACTIVE: DisplayStatus.DONE, DEPRECATED: DisplayStatus.ATTENTION}
    return badges.status_badge(
        statuses.get(version.status, DisplayStatus.CANCELLED), version.get_status_display()
    )


def lint_badge(check: TemplateCheck | None) -> SafeString:
    """Return the badge of cfn-lint's findings."""
    if check is None:
        return badges.status_badge(DisplayStatus.PENDING, pgettext("lint", "Not checked"))
    if check.errors:
        number = len(check.errors)
        text = ngettext("%(number)d error", "%(number)d errors", number) % {"number": number}
        return badges.status_badge(DisplayStatus.FAILED, text)
    if check.findings:
        number = len(check.findings)
        text = ngettext("%(number)d warning", "%(number)d warnings", number) % {"number": number}
        return badges.status_badge(DisplayStatus.ATTENTION, text)
    return badges.status_badge(DisplayStatus.DONE, _("No findings"))


def fetch_badge(fetch: TemplateFetch) -> SafeString:
    """Return the badge of a fetch's state."""
    statuses = {
        "queued": DisplayStatus.WAITING,
        "running": DisplayStatus.PROGRESS,
        "succeeded": DisplayStatus.DONE,
    }
    return badges.status_badge(statuses.get(fetch.state, DisplayStatus.FAILED), fetch.get_state_display())
