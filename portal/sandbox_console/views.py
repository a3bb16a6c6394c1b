"""The sandbox's page: its state, and the buttons and forms that inject failures.

It calls the sandbox within the request, unlike pages about AWS: the sandbox is on this machine, and calls
have timeouts of seconds.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.commands.requesting import DEPLOY
from deployments.access.commands.sandbox import request_of_sandbox
from deployments.access.models.permissions import visible_accounts
from deployments.access.pages.requests import AuthedRequest, may
from deployments.aws.sandbox import read_token
from deployments.common.pages.choices import parse_number
from deployments.common.pages.terminal_output import readable
from deployments.environments.models.accounts import Account, AccountQuerySet
from portal.sandbox_console import labels, presentation
from portal.sandbox_console.control_plane import (
    ControlPlane,
    SandboxRejected,
    SandboxState,
    SandboxUnavailable,
)
from portal.sandbox_console.forms import FORMS, FaultForm

NAMED = ("resources", "associations")
"""The kinds of faults that can be removed one by one."""


@require_http_methods(["GET", "HEAD", "POST"])
@may(DEPLOY, "sandbox")
@never_cache
@vary_on_headers("HX-Request")
@gzip_page
def sandbox_page(request: AuthedRequest) -> HttpResponse:
    """Show the sandbox in one account, for htmx only its lists; or process a form."""
    if not _accounts(request).exists():
        return render(request, "sandbox_console/none.html")
    account = _account(request)
    sandbox = _sandbox(account)
    form = _sent(request)
    if form is not None and _carried_out(request, account, form, sandbox):
        return redirect(_address(account))
    state, problem = _state(sandbox)
    context = {"account": account, "url": sandbox.url, "problem": problem}
    if state is not None:
        context |= presentation.lists(account, state, request.user)
    if request.htmx:
        return render(request, "sandbox_console/_lists.html", context)
    context |= presentation.forms_context(account, state, form) | {"accounts": _accounts(request)}
    return render(request, "sandbox_console/sandbox.html", context, status=200 if form is None else 422)


@require_GET
@may(DEPLOY, "sandbox")
@never_cache
@vary_on_headers("HX-Request")
@gzip_page
def sandbox_log(request: AuthedRequest, instance: str) -> HttpResponse:
    """Show the end of a machine's log; for htmx only its text."""
    account = _account(request)
    context = {"account": account, "instance": instance}
    try:
        context["log"] = readable(_sandbox(account).log(instance))
    except (SandboxUnavailable, SandboxRejected) as problem:
        context["problem"] = _sentence(problem)
    return render(request, f"sandbox_console/{'_log' if request.htmx else 'log'}.html", context)


@require_POST
@may(DEPLOY, "sandbox")
def sandbox_machine(request: AuthedRequest, instance: str) -> HttpResponse:
    """Kill an instance, or perform an action on its service."""
    account, action = _account(request), request.POST.get("action", "")
    done = str(labels.action_label(labels.MACHINES, action).done)
    request_of_sandbox(user=request.user, account=account, what=action, about=instance)
    return _do(request, account, lambda sandbox: sandbox.act_on_machine(instance, action), done)


@require_POST
@may(DEPLOY, "sandbox")
def sandbox_database(request: AuthedRequest, cluster: str) -> HttpResponse:
    """Fail over a cluster, or kill, stop or freeze one of its instances."""
    account, action = _account(request), request.POST.get("action", "")
    done = str(labels.action_label(labels.DATABASES, action).done)
    request_of_sandbox(user=request.user, account=account, what=action, about=cluster)
    return _do(request, account, lambda sandbox: sandbox.act_on_database(cluster, action), done)


@require_POST
@may(DEPLOY, "sandbox")
def sandbox_remove_faults(request: AuthedRequest) -> HttpResponse:
    """Remove one fault of a resource or an association, those of API calls, or all."""
    kind, name, everywhere = (request.POST.get(key, "") for key in ("kind", "name", "everywhere"))

    def remove_faults(sandbox: ControlPlane) -> str:
        if kind in NAMED:
            sandbox.add_faults(everywhere=bool(everywhere), **{kind: {name: None}})
        elif kind == "api":
            sandbox.remove_api_faults()
        else:
            sandbox.clear_faults()
        return name

    done = _("Failure removed: %(name)s.") if kind in NAMED else _("Failure removed.")
    account = _account(request)
    request_of_sandbox(user=request.user, account=account, what=f"remove-faults {kind}".strip(), about=name)
    return _do(request, account, remove_faults, done)


def _accounts(request: AuthedRequest) -> AccountQuerySet:
    """Return the accounts of the sandbox that the person may deploy to."""
    return Account.objects.sandboxes().filter(visible_accounts(request.user, DEPLOY))


def _account(request: AuthedRequest) -> Account:
    """Return the account in the URL, else the first one. Raise Http404 if there is none."""
    found = {account.pk: account for account in _accounts(request)}
    given = request.GET.get("account")
    account = found.get(parse_number(given)) if given else next(iter(found.values()), None)
    if account is None:
        raise Http404
    return account


def _address(account: Account) -> str:
    return f"{reverse('sandbox')}?account={account.pk}"


def _sandbox(account: Account) -> ControlPlane:
    token = read_token(settings.SANSO_SANDBOX_TOKEN_FILE)
    return ControlPlane(settings.SANSO_SANDBOX_URL, account.sandbox_account_id, token)


def _state(sandbox: ControlPlane) -> tuple[SandboxState | None, str]:
    try:
        return sandbox.state(), ""
    except (SandboxUnavailable, SandboxRejected) as problem:
        return None, str(problem)


def _sent(request: AuthedRequest) -> FaultForm | None:
    """Return the submitted form; None if there is none. Raise Http404 for an unknown one."""
    if request.method != "POST":
        return None
    for kind in FORMS:
        if kind.form_name == request.POST.get("form"):
            return kind(request.POST)
    raise Http404


def _carried_out(request: AuthedRequest, account: Account, form: FaultForm, sandbox: ControlPlane) -> bool:
    """Process a form and add a message. Return False if it failed, with the errors in the form."""
    if not form.is_valid():
        return False
    request_of_sandbox(user=request.user, account=account, what=form.form_name, about=form.about())
    try:
        messages.success(request, form.carry_out(sandbox))
    except (SandboxUnavailable, SandboxRejected) as problem:
        form.add_error(None, _sentence(problem))
        return False
    return True


def _do(
    request: AuthedRequest, account: Account, action: Callable[[ControlPlane], str], done: str
) -> HttpResponse:
    """Perform an action on the sandbox, and add a message with its result."""
    try:
        messages.success(request, done % {"name": action(_sandbox(account))})
    except (SandboxUnavailable, SandboxRejected) as problem:
        messages.error(request, _sentence(problem))
    return redirect(_address(account))


def _sentence(problem: SandboxUnavailable | SandboxRejected) -> str:
    if isinstance(problem, SandboxRejected):
        return _("The sandbox rejected the request: %(reason)s.") % {"reason": str(problem).rstrip(".")}
    return _("The sandbox is not responding; nothing was changed. Retry when it is available again.")
