"""The number and role of approvals for changes of environments with a label."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.changes.display.approval_form import ApprovalForm
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text
from deployments.environments.rules.labels import MAX_KEY, MAX_VALUE, parse_labels


class LabelRuleForm(ApprovalForm):
    """The rule of a label."""

    label = forms.CharField(
        label=_("Label"),
        max_length=MAX_KEY + 1 + MAX_VALUE,
        help_text=_("key=value, such as stage=production. A rule that the label has already is replaced."),
        widget=forms.TextInput(attrs={"autocapitalize": "off", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("label", "approvals", "role")

    def clean_label(self) -> tuple[str, str]:
        """Return the label as key and value."""
        try:
            found = parse_labels(self.cleaned_data["label"])
        except UserFixable as error:
            raise forms.ValidationError(error_text(error), code=error.code) from error
        return next(iter(found.items()))
