"""The page that changes the labels of an environment."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from deployments.actions.labels import labels_of, set_labels
from deployments.actions.request import CHANGE
from deployments.core.labels import labels_text
from deployments.errors import UserFixable
from deployments.forms.labels import LabelsForm
from deployments.presentation.environment_tabs import CONFIGURATION, tab_url
from deployments.views.requests import AuthedRequest, may
from deployments.views.visible import environment_or_404


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
    return render(request, "deployments/labels.html", context, status=422 if form.is_bound else 200)
