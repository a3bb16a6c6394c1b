"""The forms that lock an environment, and that break the lock of another user."""

from __future__ import annotations

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import zone_text
from deployments.locks.models.locks import MAX_REASON


class LockForm(ReasonedForm):
    """Why the environment is locked, and until when."""

    request_key = None  # type: ignore[assignment]  # Django's way to leave out a field of the base class
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        help_text=gettext_lazy("Displayed to everybody whose request is refused."),
    )
    expires_at = forms.DateTimeField(
        label=gettext_lazy("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]  # as Django's own
        zone = zone_text(timezone.localtime())
        self.fields["expires_at"].help_text = _(
            "In your time zone, %(zone)s. Leave empty to keep the lock until it is released."
        ) % {"zone": zone}


class BreakLockForm(ReasonedForm):
    """Why the lock of another user is broken."""

    request_key = None  # type: ignore[assignment]
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        help_text=gettext_lazy("Recorded, and shown in the history of the environment."),
    )
