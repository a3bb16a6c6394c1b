"""The form of a new environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.access.commands.requesting import CHANGE, DEPLOY
from deployments.access.models.permissions import (
    access_of,
    can,
    can_somewhere,
    visible_accounts,
    visible_deployments,
    visible_environments,
)
from deployments.access.pages.requests import AuthedRequest, may
from deployments.accounts.display.connection import connection_warnings
from deployments.accounts.models import ConnectionTest
from deployments.changes.commands.create import (
    caught_by_creation,
    check_free_name,
    prefill,
    request_deployment,
    set_to_deploy,
)
from deployments.changes.commands.labels import labels_to_create
from deployments.changes.commands.restoring import prefill_again, restoring
from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.pages.forms.create import NewEnvironmentForm, chosen_values
from deployments.changes.pages.forms.layout import FormLayout
from deployments.changes.pages.restored_data import chosen_data
from deployments.changes.pages.schedule import scheduled_time
from deployments.changes.pages.views.scheduled import creation_choices
from deployments.changes.rules.approvals import REQUIRE
from deployments.common.errors import UserFixable
from deployments.common.pages.choices import parse_number
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.labels import labels_text
from deployments.locks.display.holds import frozen_accounts
from deployments.stacks.commands.change_base import current_digest
from deployments.stacks.display.eta import DurationEstimate, estimate_creation
from deployments.stacks.display.event_texts import CaughtNote
from deployments.template_sets.display.role_policy import RolePolicy
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.template_files.restored_data import RestoredData

PAGE = "changes/new_environment.html"
CHOICES = 200
"""Maximum number of versions to choose from; any other is chosen on its own page."""


@require_http_methods(["GET", "HEAD", "POST"])
@may(DEPLOY, "deploy")
def environment_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new environment, or request the environment."""
    options = _options(request)
    if not options["accounts"].exists():
        exist = Account.objects.usable().exists()
        return render(request, PAGE, {"no_account": True, "accounts_exist": exist})
    initial = _from_an_earlier_one(request, parse_number(request.GET.get("from")))
    initial = initial or _with_data_of(request, parse_number(request.GET.get("data_of")))
    data, cannot_restore = initial.pop("data", (RestoredData(), None))
    version = _chosen_version(request, initial.pop("version", None))
    context: dict[str, Any] = {"version": version, **_choices(version)}
    try:
        template_set = set_to_deploy(version)
    except UserFixable as broken:
        context |= {"broken": error_text(broken), "folder": settings.SANSO_TEMPLATE_SET}
        return render(request, PAGE, context, status=503)
    if request.method != "POST":
        initial.setdefault("labels", _own_label(request))
        try:
            if cannot_restore:
                raise cannot_restore
            initial |= {PREFIX + name: value for name, value in restoring(template_set, data).items()}
        except UserFixable as problem:
            context["cannot_restore"] = error_text(problem)
        form = NewEnvironmentForm(template_set, initial=initial, **options)
        return render(request, PAGE, context | _context(request, form))
    form = NewEnvironmentForm(template_set, request.POST, **options)
    if deployment := _requested(request, form, version):
        return redirect(deployment)
    return render(request, PAGE, context | _context(request, form), status=422)


def _chosen_version(request: AuthedRequest, earlier: int | None) -> TemplateVersion | None:
    """Return the version of the form; None for the current bundled set.

    A retry of a creation begins with its version.
    """
    given = request.POST.get("version", "") if request.method == "POST" else request.GET.get("version")
    pk = parse_number(given) if given is not None else earlier
    found = TemplateVersion.objects.for_page().filter(pk=pk).first() if pk else None
    return None if found and found.source.is_bundled and found.digest == current_digest() else found


def _choices(version: TemplateVersion | None) -> dict[str, Any]:
    """Return the versions to choose from; none while there is only the current bundled set."""
    found = list(TemplateVersion.objects.to_choose()[:CHOICES])
    current = current_digest()
    others = [one for one in found if not (one.source.is_bundled and one.digest == current)]
    if version is not None and version not in others:  # deprecated, or beyond the maximum
        others.insert(0, version)
    return {"versions": others}


@require_GET
@may(DEPLOY, "deploy")
def environment_expected(request: AuthedRequest) -> HttpResponse:
    """Show the expected duration in the selected account with the selected values, and whom tags catch."""
    try:
        template_set = set_to_deploy(_chosen_version(request, None))
    except UserFixable as broken:
        return HttpResponse(error_text(broken), status=503, content_type="text/plain; charset=utf-8")
    account = get_object_or_404(_options(request)["accounts"], pk=parse_number(request.GET.get("account")))
    chosen = chosen_values(template_set, request.GET.dict())
    estimate = estimate_creation(template_set, account, chosen)
    caught = CaughtNote.of(caught_by_creation(request.user, account, template_set, chosen))
    policy = RolePolicy.of(template_set, chosen, account)
    facts = {"estimate": estimate, "caught": caught, "role_policy": policy}
    return render(request, "changes/_new_environment_facts.html", facts)


@require_POST
@may(DEPLOY, "deploy")
def environment_check(request: AuthedRequest) -> HttpResponse:
    """Return the errors of the field that was left, as JSON: {"errors": [sentence]}. Nothing is requested.

    A name is also held against those that are taken. Secrets of other fields are not sent.
    """
    try:
        version = _chosen_version(request, None)
        template_set = set_to_deploy(version)
    except UserFixable as broken:
        return JsonResponse({"errors": [error_text(broken)]}, status=503)
    form = NewEnvironmentForm(template_set, request.POST, **_options(request))
    name = request.POST.get("left", "")
    form.full_clean()
    if name == "name" and {"name", "account"} <= form.cleaned_data.keys():
        try:
            check_free_name(request.user, form.cleaned_data["account"], form.cleaned_data["name"])
        except UserFixable as problem:
            form.reject(problem)
    return JsonResponse({"errors": form.errors.get(name, [])})


def _options(request: AuthedRequest) -> dict[str, Any]:
    """Return what the form offers the person: accounts to deploy to, and whether to require approval."""
    return {
        "accounts": Account.objects.usable().filter(visible_accounts(request.user, DEPLOY)),
        "may_require_approval": can_somewhere(request.user, REQUIRE),
    }


def _context(request: AuthedRequest, form: NewEnvironmentForm) -> dict[str, Any]:
    values = {bound.html_name: str(bound.value() or "") for bound in form}
    account = _account(form)
    context = {
        "form": form,
        "layout": FormLayout(form),
        "data": form.data_restored,
        "estimate": _estimate(form, account, values),
        "caught": _caught(request, form, account, values),
        "role_policy": _role_policy(form, account, values),
        "frozen": frozen_accounts(form.accounts),
        "connection_warnings": connection_warnings(
            ConnectionTest.objects.needing_attention().about(form.accounts)
        ),
    }
    return context | creation_choices(form, request.POST.dict())


def _role_policy(
    form: NewEnvironmentForm, account: Account | None, values: Mapping[str, str]
) -> RolePolicy | None:
    """Return what CloudFormation's role needs beyond account.yaml for the values of the form."""
    if account is None:
        return None
    chosen = chosen_values(form.template_set, values)
    return RolePolicy.of(form.template_set, chosen, account)


def _account(form: NewEnvironmentForm) -> Account | None:
    """Return the form's account, the first one while none is selected; None if there is none."""
    wanted = parse_number(str(form["account"].value() or ""))
    accounts = form.accounts
    return next((one for one in accounts if one.pk == wanted), next(iter(accounts), None))


def _estimate(
    form: NewEnvironmentForm, account: Account | None, values: Mapping[str, str]
) -> DurationEstimate | None:
    """Return the expected duration in an account."""
    chosen = chosen_values(form.template_set, values)
    return estimate_creation(form.template_set, account, chosen) if account else None


def _caught(
    request: AuthedRequest, form: NewEnvironmentForm, account: Account | None, values: Mapping[str, str]
) -> CaughtNote | None:
    """Return the note about servers of others that tags would catch, or that would be caught."""
    parameters = form.template_set.parameters.items()
    given = {name: values.get(PREFIX + name, "") for name, one in parameters if not one.no_echo}
    found = caught_by_creation(request.user, account, form.template_set, given) if account else []
    return CaughtNote.of(found)


def _requested(
    request: AuthedRequest, form: NewEnvironmentForm, version: TemplateVersion | None
) -> Deployment | None:
    """Return the deployment of a valid form; None if it is invalid, with the errors in the form."""
    if not form.is_valid():
        return None
    account = form.cleaned_data["account"]
    found = caught_by_creation(request.user, account, form.template_set, form.parameters())
    note = CaughtNote.of(found)
    if note is not None and request.POST.get("caught") != note.digest:  # the page did not show it yet
        form.add_error(None, _("Servers of others are concerned. Read the note, then choose Deploy again."))
        return None
    return form.requested(
        lambda: request_deployment(
            **_values(request, form, version), request_key=form.cleaned_data["request_key"]
        )
    )


def _values(
    request: AuthedRequest, form: NewEnvironmentForm, version: TemplateVersion | None
) -> dict[str, Any]:
    """Return the values of the action from a valid form. Raise UserFixable if its time is not valid."""
    return {name: form.cleaned_data[name] for name in ("account", "name", "reason", "labels")} | {
        "user": request.user,
        "parameters": form.parameters(),
        "keep_on_failure": form.keeps,
        "requires_approval": bool(form.cleaned_data.get("requires_approval")),
        "version": version,
        "scheduled_for": scheduled_time(request.POST.dict()),
    }


def _own_label(request: AuthedRequest) -> str:
    """Return the only label that lets the user create environments; "" if there is none or several."""
    own = labels_to_create(request.user)
    if len(own) != 1 or access_of(request.user).may_everywhere(DEPLOY):
        return ""
    return labels_text(dict(own))


def _from_an_earlier_one(request: AuthedRequest, pk: int) -> dict[str, Any]:
    """Return the form's values from the deployment in `?from=`; {} if there is none."""
    earlier = visible_deployments(request.user).for_page().in_bulk([pk]).get(pk)
    if earlier is None:
        return {}
    return _initial(prefill(earlier))


def _with_data_of(request: AuthedRequest, pk: int) -> dict[str, Any]:
    """Return the form's values for the environment in `?data_of=` with the data of `?snapshot=` or `?at=`.

    `data` is that, and why it cannot be restored. {} without such an environment, or if the person may not
    change it.
    """
    environment = visible_environments(request.user).filter(pk=pk).first() if pk else None
    if environment is None or not can(request.user, CHANGE, environment):
        return {}
    data, problem = RestoredData(), None
    try:
        if request.GET.keys() & {"snapshot", "at"}:
            data = chosen_data(environment, request.GET.dict())
    except UserFixable as error:
        problem = error
    return _initial(prefill_again(environment, data)) | {"data": (data, problem)}


def _initial(values: dict[str, Any]) -> dict[str, Any]:
    parameters = values.pop("parameters", {})
    return values | {PREFIX + name: value for name, value in parameters.items()}
