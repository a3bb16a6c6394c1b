"""The form of freeze windows, for pages of the admin and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy

from deployments.environments.models.accounts import Account
from deployments.locks.models import FreezeWindow

if TYPE_CHECKING:
    FreezeFields = forms.ModelForm[FreezeWindow]
else:  # generic for type checkers only
    FreezeFields = forms.ModelForm


class WindowForm(FreezeFields):
    """The form of a freeze window, with the time zones of this installation."""

    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        initial="UTC",
    )


class FreezeForm(WindowForm):
    """All values of a freeze window, of an account that can be deployed to."""

    account = forms.ModelChoiceField(Account.objects.usable())

    class Meta:
        model = FreezeWindow
        fields = (
            *("account", "name", "reason", "is_on", "zone", "kind"),
            *("start_day", "start_date", "start_time", "end_day", "end_date", "end_time"),
        )
