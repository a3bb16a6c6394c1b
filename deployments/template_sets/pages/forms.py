"""The forms of template sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text
from deployments.template_sets.models.sources import KINDS, TemplateSource
from deployments.template_sets.models.versions import STATUSES

KINDS_OF = {
    "url": "git folder",
    "refs": "git",
    "fetch_minutes": "git folder",
    "username": "git",
    "token": "git",
    "ssh_key": "git",
    "host_key": "git",
}
"""The kinds of sources of each field; fields that are not listed are for all. A script hides the others."""
STORED = ("name", "kind", "url", "path", "refs", "fetch_minutes", "host_key")


def _text(css: str = "", autocomplete: str = "off") -> forms.TextInput:
    """Return the widget of a text that browsers do not auto-correct."""
    return forms.TextInput(
        attrs={"autocomplete": autocomplete, "autocapitalize": "off", "spellcheck": "false", "class": css}
    )


class VersionStatusForm(ReasonedForm):
    """Whether a version may be deployed, and why not."""

    request_key = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        choices=STATUSES,
        help_text=gettext_lazy(
            "Deprecated: no new environments; existing ones can keep it and be changed. Withdrawn: no new "
            "deployments."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "Displayed to everybody who chooses this version. Required unless it is active."
        ),
    )
    field_order = ("status", "reason")


class SourceForm(forms.Form):
    """A template set: its location and the refs to fetch. Credentials are never returned to the page."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60, widget=_text())
    kind = forms.ChoiceField(label=gettext_lazy("Source"), choices=list(reversed(KINDS[:2])) + KINDS[2:])
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        required=False,
        widget=_text("mono"),
        help_text=gettext_lazy(
            "Repository: https://…, ssh://git@host/… or git@host:…. Folder or local repository: its path "
            "on the worker's machine. Archives: leave empty."
        ),
    )
    path = forms.CharField(
        label=gettext_lazy("Folder"),
        max_length=255,
        required=False,
        widget=_text("mono"),
        help_text=gettext_lazy("Folder with the templates. Leave empty for the top level."),
    )
    refs = forms.CharField(
        label=gettext_lazy("Branches and tags"),
        max_length=255,
        required=False,
        initial="main v*",
        widget=_text("mono"),
        help_text=gettext_lazy("Separated by spaces; * matches any characters. Only for repositories."),
    )
    fetch_minutes = forms.IntegerField(
        label=gettext_lazy("Fetch interval (minutes)"),
        min_value=0,
        max_value=10_080,
        initial=60,
        help_text=gettext_lazy("0 fetches only on request or by webhook. Fetching deploys nothing."),
    )
    username = forms.CharField(
        label=gettext_lazy("Username"), max_length=100, required=False, widget=_text(autocomplete="off")
    )
    token = forms.CharField(
        label=gettext_lazy("Access token"),
        max_length=500,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("For HTTPS. Read-only access is enough. Stored encrypted, never displayed."),
    )
    ssh_key = forms.CharField(
        label=gettext_lazy("SSH private key"),
        max_length=10_000,
        required=False,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text=gettext_lazy(
            "For SSH. A deploy key without a passphrase. Stored encrypted, never displayed."
        ),
    )
    host_key = forms.CharField(
        label=gettext_lazy("Host key"),
        max_length=5_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text=gettext_lazy(
            "For SSH: the server's public host keys, such as ssh-ed25519 AAAA…, one per line. Other keys "
            "are refused."
        ),
    )
    forget = forms.BooleanField(label=gettext_lazy("Delete the stored credentials"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, source: TemplateSource | None = None
    ) -> None:
        super().__init__(data, initial={name: getattr(source, name) for name in STORED} if source else None)
        for name, kinds in KINDS_OF.items():
            self.fields[name].widget.attrs["data-kinds"] = kinds
        if source is None or not source.sealed_credentials:
            del self.fields["forget"]
        else:
            for name in ("token", "ssh_key"):
                self.fields[name].widget.attrs["placeholder"] = _("Unchanged")

    def reject(self, error: UserFixable) -> None:
        """Add the error of an action to its field, or to the form if it has none."""
        self.add_error(error.field if error.field in self.fields else None, error_text(error))

    def problems(self) -> list[tuple[BoundField | None, str, str]]:
        """Return every (field, label, error) in page order; those without a field first."""
        whole: list[tuple[BoundField | None, str, str]] = [
            (None, "", str(e)) for e in self.non_field_errors()
        ]
        return whole + [(field, str(field.label), str(e)) for field in self for e in field.errors]

    def values(self) -> dict[str, Any]:
        """Return the columns for the action."""
        return {name: self.cleaned_data[name] for name in STORED}

    def credentials(self) -> dict[str, str] | None:
        """Return the credentials to store; None keeps the stored ones."""
        given = self.cleaned_data
        if given["ssh_key"].strip():
            return {"ssh_key": given["ssh_key"]}
        if given["token"]:
            return {"username": given["username"], "token": given["token"]}
        return {} if given.get("forget") else None
