"""The pages of freeze windows: they are listed, added, edited and deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.rules.roles import Right
from deployments.administration.pages.forms.freezes import FreezeForm
from deployments.common.pages.list_orders import ListOrder
from deployments.common.pages.lists import ListDeclaration, Narrowing
from deployments.environments.models.accounts import Account
from deployments.locks.commands.locks import delete_freeze, save_freeze
from deployments.locks.models import KINDS, FreezeWindow
from deployments.locks.rules import freeze_at

MANAGE = Right.MANAGE_ACCOUNTS.value
WEEKLY = ("start_day", "end_day")
ONCE = ("start_date", "end_date")
"""The fields of one kind of windows; the page shows those of the chosen one."""
FREEZES = ListDeclaration(
    caption=gettext_lazy("Freeze windows: %(order)s"),
    searched=gettext_lazy("Name, reason or account"),
    search=lambda rows, text: rows.matching(text),
    orders={
        "": ListOrder(label=gettext_lazy("By account"), column="account__name"),
        "name": ListOrder(label=gettext_lazy("By name"), column="name"),
        "newest": ListOrder(label=gettext_lazy("Newest first")),
    },
    narrowings=[
        Narrowing(
            name="kind",
            label=gettext_lazy("Kind"),
            everything=gettext_lazy("All kinds"),
            choices=KINDS,
            keep=lambda rows, kind: rows.filter(kind=kind),
        )
    ],
)


@require_GET
@may_everywhere(MANAGE, "edit_freeze")
@never_cache
def freezes(request: AuthedRequest) -> HttpResponse:
    """Show a page of the freeze windows of all accounts, with until when one is in force."""
    context = FREEZES.context(FreezeWindow.objects.of_accounts(Account.objects.usable()), request.GET)
    now = timezone.now()
    rows = [(one, freeze_at([one.window], now) if one.is_on else None) for one in context["rows"]]
    return render(request, "administration/freezes.html", context | {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "add_freeze")
def freeze_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new freeze window, or add it."""
    return _form(request, FreezeForm(request.POST or None), _("Add freeze window"))


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "edit_freeze")
@never_cache
def freeze_edit(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the form of a freeze window, or save it."""
    form = FreezeForm(request.POST or None, instance=_window(pk))
    return _form(request, form, _("Edit freeze window"))


@require_http_methods(["GET", "HEAD", "POST"])
@may_everywhere(MANAGE, "delete_freeze")
@never_cache
def freeze_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Ask whether a freeze window is deleted, or delete it."""
    window = _window(pk)
    if request.method == "POST":
        name = window.name
        delete_freeze(user=request.user, window=window)
        messages.success(request, _("The freeze window %(name)s is deleted.") % {"name": name})
        return redirect("freezes")
    return render(request, "administration/freeze_delete.html", {"window": window})


def _form(request: AuthedRequest, form: FreezeForm, title: str) -> HttpResponse:
    if form.is_bound and form.is_valid():
        save_freeze(user=request.user, window=form.instance, changed=form.changed_data)
        messages.success(request, _("The freeze window is saved."))
        return redirect("freezes")
    context: dict[str, Any] = {"form": form, "title": title, "weekly": WEEKLY, "once": ONCE}
    return render(request, "administration/freeze_form.html", context, status=422 if form.is_bound else 200)


def _window(pk: int) -> FreezeWindow:
    windows = FreezeWindow.objects.of_accounts(Account.objects.usable())
    return get_object_or_404(windows, pk=pk)
