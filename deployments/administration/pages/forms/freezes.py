"""The form of freeze windows, for pages and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy

from deployments.common.pages.forms import FormProblems
from deployments.environments.models.accounts import Account
from deployments.locks.models import FreezeWindow

if TYPE_CHECKING:
    FreezeFields = forms.ModelForm[FreezeWindow]
else:  # generic for type checkers only
    FreezeFields = forms.ModelForm


class FreezeForm(FormProblems, FreezeFields):
    """All values of a freeze window, of an account that can be deployed to."""

    account = forms.ModelChoiceField(
        Account.objects.usable(), label=gettext_lazy("Account"), empty_label=None
    )
    zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=lambda: [(name, name) for name in sorted(available_timezones())],
        initial="UTC",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in (
            "start_day",
            "start_date",
            "end_day",
            "end_date",
        ):  # those of its kind
            vars(self.fields[name])["must_be_filled"] = True

    class Meta:
        model = FreezeWindow
        fields = (
            *("account", "name", "reason", "is_on", "zone", "kind"),
            *("start_day", "start_date", "start_time", "end_day", "end_date", "end_time"),
        )
        widgets: ClassVar[dict[str, forms.Widget]] = {
            f"{end}_{part}": widget(attrs={"type": part}, format=written)
            for end in ("start", "end")
            for part, widget, written in (
                ("date", forms.DateInput, "%Y-%m-%d"),
                ("time", forms.TimeInput, "%H:%M"),
            )
        }
