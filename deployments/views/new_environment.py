"""The form of a new environment."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from deployments import catalog
from deployments.actions.deploy import prefill, request_deployment
from deployments.actions.request import DEPLOY
from deployments.core.approvals import REQUIRE
from deployments.errors import UserFixable
from deployments.forms import PREFIX, NewEnvironmentForm
from deployments.models import Account, Deployment
from deployments.presentation.filters.choices import parse_number
from deployments.presentation.holds import frozen_accounts
from deployments.presentation.new_environment import FormLayout
from deployments.presentation.text.duration_estimate import DurationEstimate, estimate_creation
from deployments.views.requests import AuthedRequest, may
from deployments.wording import error_text

PAGE = "deployments/new_environment.html"


@require_http_methods(["GET", "HEAD", "POST"])
@may(DEPLOY, "deploy")
def environment_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new environment, or request the environment."""
    if not Account.objects.usable().exists():
        return render(request, PAGE, {"no_account": True})
    try:
        template_set = catalog.load(settings.SANSO_TEMPLATE_SET)
    except UserFixable as broken:
        return render(
            request, PAGE, {"broken": error_text(broken), "folder": settings.SANSO_TEMPLATE_SET}, status=503
        )
    may_require = request.user.has_perm(REQUIRE)
    if request.method != "POST":
        initial = _from_an_earlier_one(parse_number(request.GET.get("from")))
        form = NewEnvironmentForm(template_set, initial=initial, may_require_approval=may_require)
        return render(request, PAGE, _context(form))
    form = NewEnvironmentForm(template_set, request.POST, may_require_approval=may_require)
    if deployment := _requested(request, form):
        return redirect(deployment)
    return render(request, PAGE, _context(form), status=422)


@require_GET
@may(DEPLOY, "deploy")
def environment_expected(request: AuthedRequest) -> HttpResponse:
    """Show the expected duration of a deployment in the selected account."""
    try:
        template_set = catalog.load(settings.SANSO_TEMPLATE_SET)
    except UserFixable as broken:
        return HttpResponse(error_text(broken), status=503, content_type="text/plain; charset=utf-8")
    account = get_object_or_404(Account.objects.usable(), pk=parse_number(request.GET.get("account")))
    return render(
        request, "deployments/_duration_estimate.html", {"estimate": estimate_creation(template_set, account)}
    )


def _context(form: NewEnvironmentForm) -> dict[str, Any]:
    layout, estimate = FormLayout(form), _estimate(form)
    return {"form": form, "layout": layout, "estimate": estimate, "frozen": frozen_accounts()}


def _estimate(form: NewEnvironmentForm) -> DurationEstimate | None:
    """Return the expected duration in the form's account, or in the first one while none is selected."""
    accounts = Account.objects.usable()
    chosen = accounts.in_bulk([parse_number(str(form["account"].value() or ""))])
    account = next(iter(chosen.values()), None) or accounts.first()
    return estimate_creation(form.template_set, account) if account else None


def _requested(request: AuthedRequest, form: NewEnvironmentForm) -> Deployment | None:
    """Return the deployment of a valid form; None if it is invalid, with the errors in the form."""
    if not form.is_valid():
        return None
    values = {name: form.cleaned_data[name] for name in ("account", "name", "reason", "request_key")}
    values["requires_approval"] = bool(form.cleaned_data.get("requires_approval"))
    try:
        return request_deployment(
            user=request.user, parameters=form.parameters(), keep_on_failure=form.keeps, **values
        )
    except UserFixable as problem:
        form.reject(problem)
        return None


def _from_an_earlier_one(pk: int) -> dict[str, Any]:
    """Return the form's values from the deployment in `?from=`, {} if there is none."""
    earlier = Deployment.objects.for_page().in_bulk([pk]).get(pk)
    if earlier is None:
        return {}
    values = prefill(earlier)
    parameters = values.pop("parameters")
    return values | {PREFIX + name: value for name, value in parameters.items()}
