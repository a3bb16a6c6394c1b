"""Approvals and scheduled changes on pages: the requester, the deadline, the decision, the forms of rules."""

from __future__ import annotations

from typing import Any, Self

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from deployments.access.models.permissions import Person, can
from deployments.access.rules.roles import Right, Role
from deployments.changes.approvers import (
    approvers,
    decider_of,
    possible_approvers,
)
from deployments.changes.models.approvals import (
    MAX_APPROVALS,
    ROLES,
    Approval,
    ApprovalRule,
    policy_of,
    visible_approvals,
)
from deployments.changes.rules.approvals import APPROVE, Policy, refusal_to_approve, refusal_to_deny
from deployments.common.errors import UserFixable
from deployments.common.pages.forms import ReasonedForm
from deployments.common.texts import error_text, message_text
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.labels import MAX_KEY, MAX_VALUE, parse_labels
from deployments.environments.rules.phases import State

VOID = ("void", "not_permitted")


def approval_context(deployment: Deployment, user: User | AnonymousUser | AbstractBaseUser) -> dict[str, Any]:
    """Return the open request, the latest decision, and the decisions that this user may make."""
    found = list(Approval.objects.of(deployment.pk).with_people())
    waiting = next((one for one in found if one.is_waiting), None)
    return {
        "canceled_title": headlines.canceled(deployment.cancel_code, deployment.environment.name),
        "approval": waiting,
        "is_waiting_for_approval": waiting is not None and not deployment.cancel_code,
        "is_scheduled": deployment.state == State.SCHEDULED and not deployment.cancel_code,
        "may_approve": can(user, APPROVE, deployment.environment),
        "zone": timezone.get_current_timezone_name(),
        "bypassed": next((one for one in found if one.decision == "bypassed"), None),
        **(_decided(found[0]) if found else {}),
        **(_waiting(deployment, waiting, user) if waiting else {}),
    }


def _decided(latest: Approval) -> dict[str, Any]:
    """Return the decision on the latest request, by whom, and whether it is void."""
    is_void = latest.decision in VOID
    return {
        "last_approval": latest,
        "voided": latest if is_void and latest.decided_by else None,
        "withdrawn": latest if is_void and not latest.decided_by else None,
        "approved_by": _names(latest) if latest.decision == "approved" else "",
    }


def _names(approval: Approval) -> str:
    """Return the approvers of a request; those of earlier versions have a decider instead of votes."""
    votes = [vote.user.get_username() for vote in approval.votes.select_related("user")]
    return ", ".join(votes or ([approval.decided_by.get_username()] if approval.decided_by else []))


def bypass_notice(environment: Environment) -> Approval | None:
    """Return the bypassed approval of an environment's latest deployment; None if there is none."""
    return Approval.objects.bypassed_in(environment.pk).first()


def bypass_of(deployment: Deployment) -> Approval | None:
    """Return the bypassed approval of a deployment; None if there is none."""
    return Approval.objects.of(deployment.pk).filter(decision="bypassed").with_people().first()


def required_text(policy: Policy) -> str:
    """Return the number of approvals that a change needs, and the role."""
    labels = {str(value): str(label) for value, label in ROLES}
    role = ", ".join(labels.get(one, one) for one in sorted(policy.roles)) or labels[Role.APPROVER]
    text = ngettext(
        "%(number)d approval, role %(role)s", "%(number)d approvals, role %(role)s", policy.approvals
    )
    return text % {"number": policy.approvals, "role": role}


def rule_rows() -> list[dict[str, Any]]:
    """Return the rules of labels with their requirements."""
    rows = ApprovalRule.objects.of_labels()
    return [
        {"pk": row.pk, "label": "=".join(row.label), "required": required_text(row.policy)} for row in rows
    ]


def shortfall_text(policy: Policy, environment: Environment, approval: Approval | None = None) -> str:
    """Return a sentence if too few people can give the needed approvals; "" if enough can.

    For a specific request, its requesters do not count.
    """
    number = len(possible_approvers(policy, environment, approval))
    if number >= policy.approvals:
        return ""
    text = ngettext(
        "Only %(number)d person can approve this, which is not enough.",
        "Only %(number)d people can approve this, which is not enough.",
        number,
    )
    nobody = _("Nobody can approve this.")
    advice = _("Give the role to more people, or require fewer approvals.")
    return f"{text % {'number': number} if number else nobody} {advice}"


def _waiting(deployment: Deployment, approval: Approval, user: Person) -> dict[str, Any]:
    """Return the approvers of an open request, its requirements, and why this user cannot decide."""
    environment = deployment.environment
    policy = policy_of(environment) or Policy()
    given = [one.get_username() for one in approvers(approval, policy, environment)]
    counted = {"given": len(given), "needed": policy.approvals, "who": ", ".join(given)}
    progress = _("%(given)d of %(needed)d approved") % counted
    return {
        "needs_several": policy.approvals > 1,
        "progress": _("%(given)d of %(needed)d approved by %(who)s") % counted if given else progress,
        "required_text": required_text(policy),
        "shortfall": shortfall_text(policy, environment, approval),
        "may_bypass": can(user, Right.BYPASS_APPROVAL, environment),
    } | _refusals(deployment, approval, user, policy, given=len(given))


def _refusals(
    deployment: Deployment, approval: Approval, user: Person, policy: Policy, *, given: int
) -> dict[str, str]:
    decider = decider_of(user, deployment, approval, policy, given=given)
    now = timezone.now()
    approve = refusal_to_approve(decider, expires_at=approval.expires_at, now=now)
    deny = refusal_to_deny(decider, expires_at=approval.expires_at, now=now)
    return {
        "why_not_approve": message_text(approve) if approve else "",
        "why_not_deny": message_text(deny) if deny else "",
    }


def waiting_number(user: Person, right: str = Right.VIEW) -> int:
    """Return the number of open requests that a person may view, or decide."""
    return visible_approvals(user, right).waiting().count()


class ApprovalForm(ReasonedForm):
    """The number of approvals and the role of the approvers; without values, one approver."""

    reason = request_key = None  # type: ignore[assignment]  # Django's way to leave out fields of the base class
    approvals = forms.TypedChoiceField(
        label=gettext_lazy("Approvals"),
        choices=[(number, str(number)) for number in range(1, MAX_APPROVALS + 1)],
        coerce=int,
    )
    role = forms.ChoiceField(label=gettext_lazy("Approver role"), choices=ROLES)

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
        label=gettext_lazy("Label"),
        max_length=MAX_KEY + 1 + MAX_VALUE,
        help_text=gettext_lazy(
            "key=value, such as stage=production. A rule that the label has already is replaced."
        ),
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
