"""The people who can grant a right: listed on disabled buttons, and on the page of a missing permission."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from deployments.access.models.grants import Grant
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

MOST = 5
"""Maximum number of displayed names."""


def about_text(about: Environment | Account | None) -> str:
    """Return the text of the object that a right is needed for."""
    if isinstance(about, Environment):
        return _("the environment %(name)s") % {"name": about.name}
    if isinstance(about, Account):
        return _("the account %(name)s") % {"name": about.name}
    return _("everything")


def who_can_grant(about: Environment | Account | None) -> str:
    """Return who can grant rights for an object: people and teams, or else the superusers. A few queries."""
    superusers = User.objects.filter(is_active=True, is_superuser=True).order_by("username")
    shown = ", ".join(_managers(about) or [one.get_username() for one in superusers[:MOST]])
    return _("%(names)s can grant it.") % {"names": shown} if shown else _("An administrator can grant it.")


def _managers(about: Environment | Account | None) -> list[str]:
    """Return the names of those who manage access to an object, people first."""
    rows = Grant.objects.that_manage_access_to(about)
    found = [row for row in rows if Right.MANAGE_ACCESS in row.granted.rights]
    people = {row.user.get_username() for row in found if row.user and row.user.is_active}
    teams = {_("team %(name)s") % {"name": row.team.name} for row in found if row.team}
    return [*sorted(people), *sorted(teams)][:MOST]
