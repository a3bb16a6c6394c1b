"""The form that creates an API token."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy, ngettext

from deployments.core.token_scopes import (
    ADMIN,
    APPROVE,
    CHANGE,
    DEFAULT_LIFETIME,
    DELETE,
    DEPLOY,
    LIFETIMES,
    RELEASE,
)
from deployments.forms import ReasonedForm
from deployments.models import ApiToken

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
    """What the token is for, what it may be used for, and for how long."""

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
