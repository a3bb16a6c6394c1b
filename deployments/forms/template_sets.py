"""The forms of template sets."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy

from deployments.forms import ReasonedForm
from deployments.models.template_version import STATUSES


class VersionStatusForm(ReasonedForm):
    """Whether a version may be deployed, and why not."""

    request_key = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        choices=STATUSES,
        help_text=gettext_lazy(
            "Deprecated: no new environments; those that have it can stay and be changed. Withdrawn: nothing "
            "is deployed from it anew."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Shown to everybody who chooses this version. Required unless it is active."),
    )
    field_order = ("status", "reason")
