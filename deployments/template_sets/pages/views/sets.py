"""The pages of template sets: the list, one set, one version; the status of versions, and moved tags.

Who may view any environment may view all sets: their addresses, branches, tags and authors.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.commands.requesting import MANAGE_SETS
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.rules.roles import Right
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text
from deployments.template_sets.commands.versions import confirm_moved_tag, set_version_status
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.pages.forms import VersionStatusForm
from deployments.template_sets.pages.sets import set_context, sets_context
from deployments.template_sets.pages.version_page import version_context


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
