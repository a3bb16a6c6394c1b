"""The number of approvals for changes of an environment, and the role of the approvers."""

from __future__ import annotations

from typing import Self

from django import forms
from django.utils.translation import gettext_lazy as _

from deployments.changes.models.approvals import MAX_APPROVALS, ROLES, ApprovalRule
from deployments.changes.rules.approvals import Policy
from deployments.common.pages.forms import ReasonedForm
from deployments.environments.models.environments import Environment


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
