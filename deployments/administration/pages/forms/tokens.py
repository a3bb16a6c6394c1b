"""The form that creates an API token, one's own, of a service account or for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext, gettext_lazy, ngettext

from deployments.access.models.permissions import can_somewhere
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.token_scopes import (
    ADMIN,
    APPROVE,
    CHANGE,
    DEFAULT_LIFETIME,
    DELETE,
    DEPLOY,
    LIFETIMES,
    RELEASE,
    rights_of,
)
from deployments.common.pages.forms import ReasonedForm

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SCOPES = [
    (DEPLOY, gettext_lazy("deploy: create environments")),
    (CHANGE, gettext_lazy("change: preview and apply changes, operate and lock environments")),
    (RELEASE, gettext_lazy("release: release to running servers")),
    (DELETE, gettext_lazy("delete: delete environments and what remains of them")),
    (APPROVE, gettext_lazy("approve: approve and deny changes of others")),
    (ADMIN, gettext_lazy("admin: everything else that you may do")),
]


def _lifetimes() -> list[tuple[int, str]]:
    return [(days, ngettext("%(days)d day", "%(days)d days", days) % {"days": days}) for days in LIFETIMES]


class TokenForm(ReasonedForm):
    """The name of a token, its scopes and its lifetime."""

    reason = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    request_key = None  # type: ignore[assignment]
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=ApiToken.MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The program that uses the token, such as a pipeline."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=SCOPES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A token can always read what you see. It never has more rights than you."),
    )
    lifetime_days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"),
        choices=_lifetimes,  # in the language of each request
        coerce=int,
        initial=DEFAULT_LIFETIME,
    )


def for_command_line(user: User, host: str, given: Mapping[str, Any] | None) -> TokenForm:
    """Return the form of a token for the command line on a computer, with every scope that its owner can use.

    Administration is not selected, but can be added.
    """
    useful = [
        scope
        for scope, _label in SCOPES
        if scope != ADMIN and any(can_somewhere(user, right) for right in rights_of([scope]))
    ]
    name = gettext("Command line on %(host)s") % {"host": host} if host else gettext("Command line")
    return TokenForm(given, initial={"name": name, "scopes": useful})
