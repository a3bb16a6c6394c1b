"""The page that changes the labels of an environment."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deployments.access.commands.requesting import CHANGE
from deployments.access.pages.requests import AuthedRequest, may
from deployments.access.pages.visible import environment_or_404
from deployments.changes.commands.labels import labels_of, set_labels
from deployments.common.errors import UserFixable
from deployments.environment_pages.pages.forms import LabelsForm
from deployments.environments.display.tab_urls import CONFIGURATION, tab_url
from deployments.environments.rules.labels import labels_text


@require_http_methods(["GET", "HEAD", "POST"])
@may(CHANGE, "label")
@never_cache
def environment_labels(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the labels of an environment in a form, or change them."""
    environment = environment_or_404(request, pk)
    form = LabelsForm(request.POST or None, initial={"labels": labels_text(labels_of(environment))})
    if request.method == "POST" and form.is_valid():
        try:
            set_labels(user=request.user, environment=environment, **form.cleaned_data)
        except UserFixable as problem:
            form.reject(problem)
        else:
            messages.success(request, _("The labels of %(name)s are saved.") % {"name": environment.name})
            return redirect(f"{tab_url(environment, CONFIGURATION)}#labels")
    context = {"environment": environment, "form": form}
    return render(request, "environment_pages/labels.html", context, status=422 if form.is_bound else 200)
