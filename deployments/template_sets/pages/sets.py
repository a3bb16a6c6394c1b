"""The pages of template sets: sets with their newest versions, one set, and one version.

Who may view any environment may view all sets: their addresses, branches, tags and authors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.commands.requesting import MANAGE_SETS
from deployments.access.models.permissions import Person, visible_environments
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.rules.roles import Right
from deployments.cloudformation.status import DisplayStatus
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import CURSOR, parse_number, query
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.common.texts import error_text
from deployments.environments.display import badges
from deployments.environments.models.environments import Environment, EnvironmentQuerySet
from deployments.template_sets.commands.versions import confirm_moved_tag, set_version_status, stored_set
from deployments.template_sets.display.role_policy import RolePolicy
from deployments.template_sets.display.version_diff import changes_of
from deployments.template_sets.models.sources import KINDS, TemplateFetch, TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import ACTIVE, DEPRECATED, TemplateRef, TemplateVersion
from deployments.template_sets.pages.forms import VersionStatusForm

PAGE = 50
FETCHES = 10
SETS = ListDeclaration(
    caption=gettext_lazy("Template sets: %(order)s"),
    searched=gettext_lazy("Name, address or version"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=gettext_lazy("Bundled first"), column="live_key"),
        "name": ListOrder(label=gettext_lazy("By name"), column="name"),
        "newest": ListOrder(
            label=gettext_lazy("Newest version first"),
            column="newest_version",
            read=parse_number,
            is_reversed=True,
        ),
        "environments": ListOrder(
            label=gettext_lazy("Most environments first"),
            column="environment_count",
            read=parse_number,
            is_reversed=True,
        ),
    },
    narrowings=[
        Narrowing(
            name="kind",
            label=gettext_lazy("Source"),
            everything=gettext_lazy("All sources"),
            choices=KINDS,
            keep=lambda rows, kind: rows.filter(kind=kind),
        )
    ],
)


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
    """Return the context of a page of the list for a query, in a constant number of database queries."""
    environments = visible_environments(user).live().without_recordings()
    context = SETS.context(TemplateSource.objects.live().for_list(environments), given)
    return context | {"rows": _set_rows(context["rows"], environments)}


def _set_rows(sources: list[TemplateSource], environments: EnvironmentQuerySet) -> list[SetRow]:
    newest = {one.source_id: one for one in TemplateVersion.objects.newest_of_each()}
    counts = environments.count_by_version()
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


def version_context(version: TemplateVersion, user: Person, against: int) -> dict[str, Any]:
    """Return the context of the page of one version. `against` is the key of the version to compare with; the
    one before it is the default.
    """
    (row,) = version_rows([version], user, TemplateRef.objects.moved_tags().of(version.source))
    check = TemplateCheck.objects.filter(digest=version.digest).first()
    return {
        "version": version,
        "row": row,
        "check": check,
        "changes": changes_of(version, against),
        "role_policy": _role_policy(version),
    }


def _role_policy(version: TemplateVersion) -> RolePolicy | None:
    """Return what the set needs with the defaults of its parameters; None if its files are not stored."""
    template_set = stored_set(version.digest)
    return RolePolicy.of(template_set, {}) if template_set else None


@require_GET
@may(Right.VIEW)
@vary_on_headers("HX-Request")
@gzip_page
def template_set_list(request: AuthedRequest) -> HttpResponse:
    """Show all template sets; for htmx only the rows."""
    part = "template_sets/_template_set_rows.html"
    page = part if request.htmx else "template_sets/template_sets.html"
    return render(request, page, sets_context(request.GET, request.user))


@require_GET
@may(Right.VIEW)
@vary_on_headers("HX-Request")
@gzip_page
def template_set(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one template set with its versions; for htmx only the body."""
    source = get_object_or_404(TemplateSource.objects.for_page(), pk=pk)
    part = "template_sets/_template_set_body.html"
    page = part if request.htmx else "template_sets/template_set.html"
    return render(request, page, set_context(source, request.GET, request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@may(Right.VIEW, "set_version_status")
@gzip_page
def template_version(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one version with what it changes, or set its status."""
    version = get_object_or_404(TemplateVersion.objects.for_page(), pk=pk)
    if request.method == "POST":
        return _set_status(request, version)
    return _version_page(request, version, VersionStatusForm(initial={"status": version.status}))


@may(MANAGE_SETS, "set_version_status")
def _set_status(request: AuthedRequest, version: TemplateVersion) -> HttpResponse:
    form = VersionStatusForm(request.POST, initial={"status": version.status})
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("status", "reason")}
        try:
            version = set_version_status(user=request.user, version=version, **values)
        except UserFixable as problem:
            form.reject(problem)
        else:
            messages.success(
                request,
                _("%(version)s: %(status)s")
                % {"version": version.label, "status": version.get_status_display()},
            )
            return redirect(version)
    return _version_page(request, version, form)


def _version_page(request: AuthedRequest, version: TemplateVersion, form: VersionStatusForm) -> HttpResponse:
    against = parse_number(request.GET.get("against"))
    context = version_context(version, request.user, against) | {"form": form}
    return render(
        request, "template_sets/template_version.html", context, status=422 if form.is_bound else 200
    )


@require_POST
def template_ref_confirm(request: AuthedRequest, pk: int) -> HttpResponse:
    """Confirm that a tag may point at another version than before."""
    ref = get_object_or_404(TemplateRef.objects.select_related("source", "version"), pk=pk)
    try:
        confirm_moved_tag(user=request.user, ref=ref)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        messages.success(request, _("%(tag)s is confirmed.") % {"tag": ref.short_name})
    return redirect(ref.source)
