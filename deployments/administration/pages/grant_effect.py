"""What a person will be able to do with a role, as one sentence for the form that gives it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from deployments.access.models.grants import Grant
from deployments.access.rules.roles import Scope, effective_rights
from deployments.access.texts.roles import RIGHTS
from deployments.administration.commands.grants import about_text

FEW = 3
"""Up to this number of missing rights, these are listed instead of all others."""
NOT_CHOSEN = "…"
SENTENCES: Final[Mapping[Scope, Promise]] = {
    Scope.EVERYTHING: gettext_lazy("%(who)s will be able to %(what)s everywhere."),
    Scope.ACCOUNT: gettext_lazy(
        "%(who)s will be able to %(what)s in the account %(name)s and all its environments, now and later."
    ),
    Scope.LABEL: gettext_lazy(
        "%(who)s will be able to %(what)s in every environment with the label %(name)s, now and later."
    ),
    Scope.ENVIRONMENT: gettext_lazy("%(who)s will be able to %(what)s in the environment %(name)s."),
}


def grant_effect(grant: Grant) -> str:
    """Return the effect of an unsaved grant, which may lack its subject and its object; "" without rights."""
    scope = grant.granted.scope
    rights = effective_rights(grant.role, grant.rights, scope)
    if not rights:
        return ""
    return str(SENTENCES[scope]) % {
        "who": _who(grant),
        "what": actions_text(rights),
        "name": about_text(grant).strip("=") or NOT_CHOSEN,
    }


def _who(grant: Grant) -> str:
    if grant.team:
        return _("Each member of the team %(name)s") % {"name": grant.team.name}
    return grant.user.get_username() if grant.user else _("The person or team")


def actions_text(rights: Set[str]) -> str:
    """Return rights as verbs in a sentence: “view, lock and change”, or “do everything except …”."""
    missing = [right for right in RIGHTS if right not in rights]
    if not missing:
        return _("do everything")
    if len(missing) <= FEW:
        return _("do everything except %(actions)s") % {"actions": _listed(missing)}
    return _listed([right for right in RIGHTS if right in rights])


def _listed(rights: list[str]) -> str:
    names = [str(RIGHTS[right]) for right in rights]
    names = [name[:1].lower() + name[1:] for name in names]
    if len(names) == 1:
        return names[0]
    comma = pgettext("between the items of a list", ", ")
    values = {"first": comma.join(names[:-1]), "last": names[-1]}
    return pgettext("list", "%(first)s and %(last)s") % values
