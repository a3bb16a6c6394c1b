"""The list of environments and the page of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.actions.remove import forget
from deployments.errors import UserFixable
from deployments.models import Account, Deployment, Environment, Stack
from deployments.models.environment import EnvironmentQuerySet, Standing
from deployments.models.sentences import said_by
from deployments.views.chips import PLACE, chips, number, query
from deployments.views.requests import AuthedRequest, may_deploy

PAGE = 50
HISTORY = 10
STANDINGS = {standing.name.lower(): standing for standing in Standing if standing is not Standing.DELETED}


@require_GET
@vary_on_headers("HX-Request")
def environment_list(request: AuthedRequest) -> HttpResponse:
    """Show every environment, problems first, narrowed by the query; its rows alone to htmx."""
    context = _rows(request.GET)
    if request.htmx:
        return render(request, "deployments/_environment_rows.html", context)
    return render(
        request, "deployments/environments.html", context | _filters(request.GET, context["counts"])
    )


def _narrowed(given: QueryDict) -> EnvironmentQuerySet:
    rows = Environment.objects.all() if given.get("deleted") else Environment.objects.live()
    return rows.in_account(number(given.get("account"))) if given.get("account") else rows


def _rows(given: QueryDict) -> dict[str, Any]:
    rows = _narrowed(given).for_list()
    standing = STANDINGS.get(str(given.get("status")))
    if standing is not None:  # the most urgent one is 0
        rows = rows.standing_as(standing)
    if place := _place(given.get(PLACE, "")):
        rows = rows.after(*place)
    found: list[Any] = list(rows[: PAGE + 1])  # each with its `standing`
    last = found[PAGE - 1] if len(found) > PAGE else None
    return {
        "rows": found[:PAGE],
        "counts": _narrowed(given).standing_counts(),
        "more": query(given, after=f"{last.standing}-{last.pk}") if last else "",
        "given": given,
    }


def _place(text: str) -> tuple[int, int] | None:
    """Return (standing, pk) of the last row of the page before, None for the first page."""
    standing, dash, pk = text.partition("-")
    return (number(standing), number(pk)) if dash else None


def _filters(given: QueryDict, counts: dict[int, int]) -> dict[str, Any]:
    accounts = list(Account.objects.all())
    return {
        "by_status": chips(
            given,
            "status",
            [
                ("", _("All"), sum(counts.values())),
                *((name, standing.label, counts.get(standing, 0)) for name, standing in STANDINGS.items()),
            ],
        ),
        "by_account": chips(
            given, "account", [("", _("All accounts"), None), *((str(a.pk), a.name, None) for a in accounts)]
        ),
        "by_deleted": chips(given, "deleted", [("", _("Live only"), None), ("1", _("Deleted too"), None)]),
        "accounts": accounts,
    }


@require_GET
@vary_on_headers("HX-Request")
def environment_page(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one environment with its stacks, parameters, outputs and history; its body alone to htmx."""
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    template = "_environment_body.html" if request.htmx else "environment.html"
    return render(request, f"deployments/{template}", _everything_of(environment))


def _everything_of(environment: Environment) -> dict[str, Any]:
    latest = environment.latest
    history = list(Deployment.objects.for_list().of(environment)[: HISTORY + 1])
    return {
        "environment": environment,
        "latest": latest,
        "stacks": Stack.objects.of(latest).with_counts() if latest else (),
        "history": history[:HISTORY],
        "more_history": len(history) > HISTORY,
    }


@require_POST
@may_deploy
def environment_forget(request: AuthedRequest, pk: int) -> HttpResponse:
    """Close an environment whose stack AWS does not know any more."""
    environment = get_object_or_404(Environment.objects.for_page(), pk=pk)
    try:
        forget(user=request.user, environment=environment)
    except UserFixable as problem:
        messages.error(request, said_by(problem))
        return redirect(environment)
    messages.success(
        request, _("%(name)s is forgotten. Its name is free again.") % {"name": environment.name}
    )
    return redirect("environments")
