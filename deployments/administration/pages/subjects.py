"""Who can have a role: people, service accounts and teams, found by name or email address."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.access.models.grants import Team
from deployments.common.pages.choices import MAX_SEARCH

TEAM = "team:"
"""Before the name of a team: no user name has a colon."""
MOST = 20
"""The number of people, and of teams, that a search shows …"""
LISTED = 200
"""… and that the page lists for browsers without scripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A person, service account or team.

    `value` is what the field takes, `detail` an email address, or the kind and size.
    """

    value: str
    name: str
    detail: str


def subjects(text: str, most: int = MOST) -> list[Subject]:
    """Return the active users and the teams whose name or email address contains a text, by name."""
    text = text.strip()[:MAX_SEARCH].removeprefix(TEAM)
    people = User.objects.filter(is_active=True).select_related("service_account")
    people = people.filter(Q(username__icontains=text) | Q(email__icontains=text)).order_by("username")
    teams = Team.objects.filter(name__icontains=text).annotate(member_count=Count("memberships"))
    return [_person(one) for one in people[:most]] + [_team(one) for one in teams.order_by("name")[:most]]


def _person(user: User) -> Subject:
    name = user.get_username()
    detail = _("Service account") if hasattr(user, "service_account") else user.email
    return Subject(value=name, name=name, detail=detail)


def _team(team: Team) -> Subject:
    number: int = team.member_count  # type: ignore[attr-defined]  # of the annotation
    detail = ngettext("Team, %(number)d member", "Team, %(number)d members", number) % {"number": number}
    return Subject(value=value_of(team), name=team.name, detail=detail)


def value_of(team: Team) -> str:
    """Return what the field takes for a team."""
    return f"{TEAM}{team.name}"


def subject_called(text: str) -> User | Team:
    """Return the active user with a name or an email address, or the team with a name.

    Raise ValidationError if there is none, or more than one.
    """
    text = text.strip()
    team = Team.objects.filter(key=Team.key_for(text.removeprefix(TEAM).strip())).first()
    if text.startswith(TEAM) and team:
        return team
    people = User.objects.filter(is_active=True)
    found = list(people.filter(username=text) or people.filter(email__iexact=text)[:2])
    if len(found) + bool(team) > 1:
        raise ValidationError(_("More than one has this name or address. Choose one from the list."))
    if not found and not team:
        raise ValidationError(_("No active user and no team has this name or address."))
    return team or found[0]
