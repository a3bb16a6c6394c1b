"""The number and role of approvals for changes of an environment, or of those with a label."""

from __future__ import annotations

from typing import Self

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.core.approvals import Policy
from deployments.core.labels import MAX_KEY, MAX_VALUE, parse_labels
from deployments.errors import UserFixable
from deployments.forms import ReasonedForm
from deployments.models import ApprovalRule, Environment
from deployments.models.approval import MAX_APPROVALS, ROLES
from deployments.wording import error_text


class ApprovalForm(ReasonedForm):
    """The number of approvals and the role of the approvers; without values, one approver."""

    reason = request_key = None  # type: ignore[assignment]  # Django's way to leave out fields of the base class
    approvals = forms.TypedChoiceField(
        label=_("Approvals"),
        choices=[(number, str(number)) for number in range(1, MAX_APPROVALS + 1)],
        coerce=int,
    )
    role = forms.ChoiceField(label=_("Approver role"), choices=ROLES)

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """Return the form with the environment's own rule."""
        rule = ApprovalRule.objects.of(environment)
        return cls(initial={"approvals": rule.approvals, "role": rule.role} if rule else {})

    @property
    def policy(self) -> Policy | None:
        """Return the chosen policy; None, which keeps the current one, for missing or unknown values."""
        if not self.is_valid():
            return None
        roles = frozenset([self.cleaned_data["role"]])
        return Policy(approvals=self.cleaned_data["approvals"], roles=roles)


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
