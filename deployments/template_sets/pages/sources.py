"""The pages that add, edit and remove template sets, fetch them, and their webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from deployments.access.commands.requesting import MANAGE_SETS
from deployments.access.pages.requests import AuthedRequest, may
from deployments.common import limits
from deployments.common.cross_site import is_cross_site
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.template_sets.commands import sources
from deployments.template_sets.commands.sources import Answer, accept_push
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.pages.forms import SourceForm

PAGE = "template_sets/template_source.html"


@require_http_methods(["GET", "HEAD", "POST"])
@may(MANAGE_SETS, "add_template_set")
@never_cache
def template_set_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new template set, or add it."""
    form = SourceForm(request.POST or None)
    if source := _saved(request, form, None):
        return redirect(source)
    return render(request, PAGE, {"form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@may(MANAGE_SETS, "edit_template_set")
@never_cache
def template_set_edit(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form of a template set, or change it."""
    source = get_object_or_404(TemplateSource.objects.editable(), pk=pk)
    form = SourceForm(request.POST or None, source=source)
    if saved := _saved(request, form, source):
        return redirect(saved)
    return render(request, PAGE, {"form": form, "source": source}, status=422 if form.is_bound else 200)


def _saved(request: AuthedRequest, form: SourceForm, source: TemplateSource | None) -> TemplateSource | None:
    """Return the saved set of a valid form; None if it is invalid, with the errors in the form."""
    if request.method != "POST" or not form.is_valid():
        return None
    try:
        return sources.save_source(
            user=request.user, source=source, values=form.values(), credentials=form.credentials()
        )
    except UserFixable as problem:
        form.reject(problem)
        return None


@require_POST
def template_set_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove a template set."""
    source = get_object_or_404(TemplateSource, pk=pk)
    try:
        sources.remove_source(user=request.user, source=source)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(source)
    messages.success(request, _("%(name)s is removed.") % {"name": source.name})
    return redirect("template_sets")


@require_POST
def template_set_fetch(request: AuthedRequest, pk: int) -> HttpResponse:
    """Request a fetch; for archives, of the uploaded file."""
    source = get_object_or_404(TemplateSource, pk=pk)
    uploaded = request.FILES.get("archive")
    archive = uploaded.read(sources.MAX_ARCHIVE + 1) if uploaded else None
    try:
        sources.request_fetch(user=request.user, source=source, archive=archive)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
    else:
        messages.success(request, _("Fetching %(name)s.") % {"name": source.name})
    return redirect(source)


@require_POST
@never_cache
def template_set_webhook(request: AuthedRequest, pk: int) -> HttpResponse:
    """Create the secret of a webhook and show it once, or switch the webhook off."""
    source = get_object_or_404(TemplateSource, pk=pk)
    try:
        secret = sources.set_webhook(user=request.user, source=source, on="off" not in request.POST)
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return redirect(source)
    if not secret:
        messages.success(request, _("The webhook is switched off."))
        return redirect(source)
    address = request.build_absolute_uri(reverse("template_set_push", args=[pk]))
    context = {"source": source, "secret": secret, "address": address}
    return render(request, "template_sets/template_webhook.html", context)


@csrf_exempt
@login_not_required
@require_POST
def template_set_push(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept a webhook of a Git server, authenticated by a signature or a token.

    An address that sends too many invalid ones must wait with further ones, as with wrong API tokens; valid
    ones are always accepted.
    """
    if is_cross_site(request):
        return _answer(HTTPStatus.FORBIDDEN)
    answer = accept_push(
        pk,
        request.body,
        signature=request.headers.get("X-Hub-Signature-256", ""),
        token=request.headers.get("X-Gitlab-Token", ""),
    )
    if answer is not Answer.ACCEPTED:
        if (usage := limits.of_unproven(request, limits.WEBHOOKS)).is_exceeded:
            return _answer(HTTPStatus.TOO_MANY_REQUESTS, usage.headers())
        limits.count_wrong(request, limits.WEBHOOKS)
    return _answer(HTTPStatus(answer.value))


def _answer(status: HTTPStatus, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{status.phrase}\n", status=status, content_type="text/plain", headers=headers)
