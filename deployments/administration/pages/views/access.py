"""The pages on which roles, teams and service accounts are managed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from deployments.access.models.grants import Grant, Team
from deployments.access.models.permissions import can, whole_accounts
from deployments.access.pages.requests import AuthedRequest, View, may, may_everywhere
from deployments.access.pages.visible import environment_or_404
from deployments.access.rules.roles import Right
from deployments.administration.commands import grants
from deployments.administration.models.invitations import mark_void
from deployments.administration.pages.access_lists import accounts_context, people_context, teams_context
from deployments.administration.pages.access_pages import (
    grant_rows,
    grants_of,
    own_rights,
    role_table,
    who_may,
)
from deployments.administration.pages.forms.access import (
    GiveRolePageForm,
    MemberForm,
    ServiceAccountForm,
    TeamForm,
)
from deployments.administration.pages.grant_effect import grant_effect
from deployments.administration.pages.subjects import LISTED, subjects
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

MANAGE = Right.MANAGE_ACCESS.value
P = ParamSpec("P")


def manages_all(action: str) -> Callable[[View[P]], View[P]]:
    """Require the right to manage access to everything; users without it get 403, and it is recorded."""
    return may_everywhere(MANAGE, action)


@require_GET
@may(MANAGE)
def access_people(request: AuthedRequest) -> HttpResponse:
    """Show the people and service accounts, filtered by the query."""
    context = people_context(request.GET) | {"manages_all": can(request.user, MANAGE)}
    return render(request, "administration/access_people.html", context)


@require_GET
@may(MANAGE)
@never_cache
def access_person(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one person or service account: roles with reasons, teams, and whether they may sign in."""
    person = get_object_or_404(
        User.objects.select_related("service_account", "invitation").prefetch_related("teams"), pk=pk
    )
    if hasattr(person, "invitation"):
        mark_void([person.invitation])
    context = {
        "person": person,
        "grants": grant_rows(request.user, grants_of(person)),
        "manages_all": can(request.user, MANAGE),
    }
    return render(request, "administration/access_person.html", context)


@require_POST
@manages_all("deactivate_user")
def access_person_active(request: AuthedRequest, pk: int) -> HttpResponse:
    """Allow or forbid a person to sign in."""
    person, active = get_object_or_404(User, pk=pk), request.POST.get("active") == "yes"
    done = _("%(name)s is active.") if active else _("%(name)s is deactivated and signed out.")
    attempted(
        request,
        lambda: grants.set_active(user=request.user, person=person, active=active),
        done % {"name": person.get_username()},
    )
    return redirect("access_person", pk=pk)


@require_GET
@may(MANAGE)
def access_teams(request: AuthedRequest) -> HttpResponse:
    """Show the teams, filtered by the query."""
    context = teams_context(request.GET) | {"manages_all": can(request.user, MANAGE)}
    return render(request, "administration/access_teams.html", context)


@require_GET
@may(MANAGE)
def access_accounts(request: AuthedRequest) -> HttpResponse:
    """Show the accounts that the user manages access to."""
    return render(request, "administration/access_accounts.html", accounts_context(request.GET, request.user))


@require_http_methods(["GET", "HEAD", "POST"])
@manages_all("add_team")
def access_team_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new team, or add it."""
    team, form = Team(), TeamForm(request.POST or None)
    if _saved(form, lambda: grants.save_team(user=request.user, team=team, **form.cleaned_data)):
        return redirect("access_team", pk=team.pk)
    return _form(request, form, _("New team"), _("Add team"), "access_teams")


@require_GET
@may(MANAGE)
@never_cache
def access_team(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show a team with its members and roles."""
    return _team_page(request, pk)


@require_POST
@manages_all("edit_team")
def access_team_save(request: AuthedRequest, pk: int) -> HttpResponse:
    """Save the name of a team."""
    team, form = get_object_or_404(Team, pk=pk), TeamForm(request.POST)
    if _saved(form, lambda: grants.save_team(user=request.user, team=team, **form.cleaned_data)):
        messages.success(request, _("The team is saved."))
        return redirect("access_team", pk=pk)
    return _team_page(request, pk, form=form)


@require_POST
@manages_all("add_member")
def access_member_add(request: AuthedRequest, pk: int) -> HttpResponse:
    """Add a person to a team."""
    team, form = get_object_or_404(Team, pk=pk), MemberForm(request.POST, auto_id="member_%s")
    if _saved(form, lambda: grants.add_member(user=request.user, team=team, **form.cleaned_data)):
        return redirect("access_team", pk=pk)
    return _team_page(request, pk, members=form)


@require_POST
@manages_all("remove_member")
def access_member_remove(request: AuthedRequest, pk: int, person: int) -> HttpResponse:
    """Remove a person from a team."""
    team, member = get_object_or_404(Team, pk=pk), get_object_or_404(User, pk=person)
    attempted(request, lambda: grants.remove_member(user=request.user, team=team, person=member))
    return redirect("access_team", pk=pk)


@require_POST
@manages_all("delete_team")
def access_team_delete(request: AuthedRequest, pk: int) -> HttpResponse:
    """Delete a team with its roles."""
    team = get_object_or_404(Team, pk=pk)
    done = _("The team %(name)s is deleted.") % {"name": team.name}
    deleted = attempted(request, lambda: grants.delete_team(user=request.user, team=team), done)
    return redirect("access_teams") if deleted else redirect("access_team", pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
@manages_all("add_service_account")
def access_service_account_new(request: AuthedRequest) -> HttpResponse:
    """Show the form of a new service account, or add it."""
    form = ServiceAccountForm(request.POST or None)
    if _saved(form, lambda: grants.add_service_account(user=request.user, **form.cleaned_data)):
        return redirect("access_person", pk=User.objects.get(username=form.cleaned_data["name"]).pk)
    return _form(request, form, _("New service account"), _("Add service account"), "access_people")


@require_http_methods(["GET", "HEAD", "POST"])
@may(MANAGE, "give_role")
@never_cache
@vary_on_headers("HX-Request")
def access_give(request: AuthedRequest) -> HttpResponse:
    """Show the form that grants a role, with the query's values, or grant it; for htmx only its effect."""
    if request.htmx and request.method != "POST":
        return render(request, "administration/_grant_effect.html", {"effect": _effect(request)})
    form = GiveRolePageForm(request.user, request.POST or None, initial=request.GET.dict())
    if _saved(form, lambda: grants.give_role(user=request.user, grant=form.grant())):
        messages.success(request, _("The role is assigned."))
        return _to_subject(form.cleaned_data["person"], form.cleaned_data["team"])
    context = {
        "form": form,
        "roles": role_table(),
        "effect": _effect(request),
        "subjects": subjects("", LISTED),
    }
    return render(request, "administration/access_give.html", context, status=422 if form.is_bound else 200)


def _effect(request: AuthedRequest) -> str:
    """Return what the person will be able to do with the values of a request."""
    given = request.POST if request.method == "POST" else request.GET
    return grant_effect(GiveRolePageForm(request.user, given).draft())


@require_GET
@may(MANAGE)
@never_cache
def access_subjects(request: AuthedRequest) -> HttpResponse:
    """Show the people, service accounts and teams that match a search, as options of a field."""
    found = subjects(request.GET.get("q", ""))
    return render(request, "administration/_subject_options.html", {"subjects": found})


@require_POST
@may(MANAGE, "remove_role")
def access_grant_remove(request: AuthedRequest, pk: int) -> HttpResponse:
    """Remove a role."""
    grant = get_object_or_404(Grant.objects.for_page(), pk=pk)
    attempted(request, lambda: grants.remove_grant(user=request.user, grant=grant), _("The role is removed."))
    return _to_subject(grant.user, grant.team)


@require_GET
@never_cache
def environment_access(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the holders of roles for an environment with reasons, and the user's own rights."""
    environment = environment_or_404(request, pk)
    return _who_page(request, environment, who_may(Grant.objects.about(environment).for_page()))


@require_GET
@may(MANAGE)
@never_cache
def account_access(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show the holders of roles for an entire account with reasons, and the user's own rights."""
    account = get_object_or_404(Account.objects.filter(whole_accounts(request.user, MANAGE)), pk=pk)
    return _who_page(request, account, who_may(Grant.objects.about_account(pk).for_page()))


def _who_page(request: AuthedRequest, about: Environment | Account, rows: Any) -> HttpResponse:
    is_environment = isinstance(about, Environment)
    context = {
        "about": about,
        "environment": about if is_environment else None,
        "scope": "environment" if is_environment else "account",
        "rows": rows,
        "own": own_rights(request.user, about),
        "manages": can(request.user, MANAGE, about),
    }
    return render(request, "administration/access_about.html", context)


def _team_page(
    request: AuthedRequest, pk: int, *, form: TeamForm | None = None, members: MemberForm | None = None
) -> HttpResponse:
    team = get_object_or_404(Team.objects.prefetch_related("members"), pk=pk)
    initial = {"name": team.name, "description": team.description}
    context = {
        "team": team,
        "form": form or TeamForm(initial=initial),
        "member_form": members or MemberForm(auto_id="member_%s"),
        "grants": grant_rows(request.user, grants_of(team)),
        "manages_all": can(request.user, MANAGE),
    }
    is_wrong = (form is not None and form.is_bound) or members is not None
    return render(request, "administration/access_team.html", context, status=422 if is_wrong else 200)


def _to_subject(person: User | None, team: Team | None) -> HttpResponse:
    if team is not None:
        return redirect("access_team", pk=team.pk)
    return redirect("access_person", pk=person.pk) if person else redirect("access_people")


def _saved(form: ReasonedForm, action: Callable[[], object]) -> bool:
    """Return whether a submitted form is valid and its action succeeded; else the errors are in the form."""
    if not form.is_bound or not form.is_valid():
        return False
    try:
        action()
    except UserFixable as problem:
        form.reject(problem)
        return False
    return True


def attempted(request: AuthedRequest, action: Callable[[], object], done: str = "") -> bool:
    """Run the action of a button; the next page shows the reason of a refusal."""
    try:
        action()
    except UserFixable as problem:
        messages.error(request, error_text(problem))
        return False
    if done:
        messages.success(request, done)
    return True


def _form(request: AuthedRequest, form: ReasonedForm, title: str, button: str, back: str) -> HttpResponse:
    context = {"form": form, "title": title, "button": button, "back": back}
    return render(request, "administration/access_form.html", context, status=422 if form.is_bound else 200)
