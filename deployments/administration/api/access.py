"""Who may do what: roles that are given, teams, people and service accounts."""

from __future__ import annotations

from typing import Annotated

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query

from deployments.access.api import keyset
from deployments.access.api.access_router import router
from deployments.access.api.environment_router import environment_of
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import MAX_KEY, After, Key, Limit
from deployments.access.api.problems import validated
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_LIST, FOR_ONE, Nothing
from deployments.access.models.grants import Grant, Team
from deployments.access.models.permissions import visible_accounts
from deployments.access.rules.roles import Right
from deployments.administration.api.schemas.access import (
    AccessOut,
    ActiveBody,
    GiveBody,
    GrantOut,
    GrantPage,
    MemberBody,
    NamedBody,
    PersonOut,
    PersonPage,
    TeamOut,
    TeamPage,
)
from deployments.administration.commands import grants
from deployments.administration.pages.access_pages import is_seen, own_rights, people, who_may
from deployments.administration.pages.forms.access import (
    GiveRoleForm,
    MemberForm,
    ServiceAccountForm,
    TeamForm,
)
from deployments.environments.models.accounts import Account

MANAGE = Right.MANAGE_ACCESS
CREATED = 201

PersonKey = Annotated[int | None, Query(None, ge=1, le=MAX_KEY, description="Only of this user.")]
TeamKey = Annotated[int | None, Query(None, ge=1, le=MAX_KEY, description="Only of this team.")]
Text = Annotated[str | None, Query(None, max_length=60, description="Only those whose name contains this.")]


@router.get("/people", response={200: PersonPage, **FOR_LIST}, operation_id="list_people")
def list_people(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, q: Text
) -> PersonPage:
    """List people and service accounts, the newest first. It needs the right to manage access."""
    require_somewhere(request, MANAGE)
    return PersonPage.of(request, response, keyset.before(people(q or ""), after), limit)


@router.get("/people/{person_id}", response={200: PersonOut, **FOR_ONE}, operation_id="get_person")
def get_person(request: ApiRequest, person_id: Key) -> PersonOut:
    """Return a person or a service account."""
    require_somewhere(request, MANAGE)
    return PersonOut.of(get_object_or_404(people(), pk=person_id))


@requests(router, "/people/{person_id}/active", PersonOut, name="set_person_active", needs=MANAGE)
def set_person_active(request: ApiRequest, person_id: Key, body: ActiveBody) -> PersonOut:
    """Let somebody sign in and call the API, or no longer: at once."""
    require_somewhere(request, MANAGE, "activate_user" if body.active else "deactivate_user")
    person = get_object_or_404(User, pk=person_id)
    grants.set_active(user=request.user, person=person, active=body.active)
    return PersonOut.of(people().get(pk=person_id))


@requests(router, "/service-accounts", PersonOut, status=CREATED, name="create_service_account", needs=MANAGE)
def create_service_account(request: ApiRequest, body: NamedBody) -> PersonOut:
    """Create a service account; its tokens are created on the page API tokens."""
    require_somewhere(request, MANAGE, "add_service_account")
    form = validated(ServiceAccountForm(body.model_dump()))
    found = grants.add_service_account(user=request.user, **form.cleaned_data)
    return PersonOut.of(people().get(pk=found.user_id))


@router.get("/teams", response={200: TeamPage, **FOR_LIST}, operation_id="list_teams")
def list_teams(request: ApiRequest, response: HttpResponse, after: After, limit: Limit) -> TeamPage:
    """List teams, the newest first. It needs the right to manage access."""
    require_somewhere(request, MANAGE)
    return TeamPage.of(
        request, response, keyset.before(Team.objects.prefetch_related("members"), after), limit
    )


@router.get("/teams/{team_id}", response={200: TeamOut, **FOR_ONE}, operation_id="get_team")
def get_team(request: ApiRequest, team_id: Key) -> TeamOut:
    """Return a team with its members."""
    require_somewhere(request, MANAGE)
    return TeamOut.of(get_object_or_404(Team, pk=team_id))


@requests(router, "/teams", TeamOut, status=CREATED, name="create_team", needs=MANAGE)
def create_team(request: ApiRequest, body: NamedBody) -> TeamOut:
    """Create a team."""
    return _saved(request, Team(), body)


@requests(router, "/teams/{team_id}", TeamOut, name="edit_team", needs=MANAGE)
def edit_team(request: ApiRequest, team_id: Key, body: NamedBody) -> TeamOut:
    """Change the name and the description of a team."""
    return _saved(request, _team(request, team_id, "edit_team"), body)


@requests(router, "/teams/{team_id}/members", TeamOut, name="add_team_member", needs=MANAGE)
def add_team_member(request: ApiRequest, team_id: Key, body: MemberBody) -> TeamOut:
    """Add somebody to a team."""
    team = _team(request, team_id, "add_member")
    form = validated(MemberForm(body.model_dump()))
    grants.add_member(user=request.user, team=team, **form.cleaned_data)
    return TeamOut.of(Team.objects.get(pk=team_id))


@requests(
    router, "/teams/{team_id}/members/{person_id}/remove", TeamOut, name="remove_team_member", needs=MANAGE
)
def remove_team_member(request: ApiRequest, team_id: Key, person_id: Key, body: Nothing) -> TeamOut:
    """Take somebody out of a team."""
    team = _team(request, team_id, "remove_member")
    grants.remove_member(user=request.user, team=team, person=get_object_or_404(User, pk=person_id))
    return TeamOut.of(Team.objects.get(pk=team_id))


@requests(router, "/teams/{team_id}/delete", TeamOut, name="delete_team", needs=MANAGE)
def delete_team(request: ApiRequest, team_id: Key, body: Nothing) -> TeamOut:
    """Delete a team with its roles, and return what it was."""
    team = _team(request, team_id, "delete_team")
    found = TeamOut.of(team)
    grants.delete_team(user=request.user, team=team)
    return found


@router.get("/grants", response={200: GrantPage, **FOR_LIST}, operation_id="list_grants")
def list_grants(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, person: PersonKey, team: TeamKey
) -> GrantPage:
    """List the roles that are given, the newest first. It needs the right to manage access."""
    require_somewhere(request, MANAGE)
    rows = keyset.before(Grant.objects.for_page().given_to(person=person, team=team), after)
    page = keyset.page(request, response, list(rows[: limit + 1]), limit)
    found = [GrantOut.of(row) for row in page["items"] if is_seen(request.user, row)]
    return GrantPage(items=found, next=page["next"])


@requests(router, "/grants", GrantOut, status=CREATED, name="give_role", needs=MANAGE)
def give_role(request: ApiRequest, body: GiveBody) -> GrantOut:
    """Give a role to a user or a team: only with rights that the user has there as well."""
    require_somewhere(request, MANAGE, "give_role")
    grant = validated(GiveRoleForm(request.user, body.values())).grant()
    grants.give_role(user=request.user, grant=grant)
    return GrantOut.of(grant)


@requests(router, "/grants/{grant_id}/remove", GrantOut, name="remove_role", needs=MANAGE)
def remove_role(request: ApiRequest, grant_id: Key, body: Nothing) -> GrantOut:
    """Take a role away at once, and return what it was."""
    require_somewhere(request, MANAGE, "remove_role")
    grant = get_object_or_404(Grant.objects.for_page(), pk=grant_id)
    if not is_seen(request.user, grant):
        raise Http404
    found = GrantOut.of(grant)
    grants.remove_grant(user=request.user, grant=grant)
    return found


@router.get(
    "/environments/{environment_id}/access",
    response={200: AccessOut, **FOR_ONE},
    operation_id="get_access_to_environment",
)
def get_access_to_environment(request: ApiRequest, environment_id: Key) -> AccessOut:
    """Return who may do what with an environment and why, and what the user may do."""
    about = environment_of(request, environment_id)
    return AccessOut.of(own_rights(request.user, about), who_may(Grant.objects.about(about).for_page()))


@router.get(
    "/accounts/{account_id}/access",
    response={200: AccessOut, **FOR_ONE},
    operation_id="get_access_to_account",
)
def get_access_to_account(request: ApiRequest, account_id: Key) -> AccessOut:
    """Return who may do what in a whole account and why. It needs the right to manage access to it."""
    require_somewhere(request, MANAGE)
    about = get_object_or_404(Account.objects.matching(visible_accounts(request.user, MANAGE)), pk=account_id)
    rows = who_may(Grant.objects.about_account(account_id).for_page())
    return AccessOut.of(own_rights(request.user, about), rows)


def _team(request: ApiRequest, pk: int, action: str) -> Team:
    """Return a team that is changed. Raise PermissionMissing for who manages no access at all."""
    require_somewhere(request, MANAGE, action)
    return get_object_or_404(Team, pk=pk)


def _saved(request: ApiRequest, team: Team, body: NamedBody) -> TeamOut:
    require_somewhere(request, MANAGE, "edit_team" if team.pk else "add_team")
    form = validated(TeamForm(body.model_dump()))
    grants.save_team(user=request.user, team=team, **form.cleaned_data)
    return TeamOut.of(team)
