"""Requests for a second person's approval of a preview or a deletion, and what a change needs to begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from deployments.access.models.grants import Label
from deployments.access.models.permissions import Person, access_of, visible_environments
from deployments.access.rules.roles import Right, Role
from deployments.changes.rules.approvals import Policy, PolicyRule, policy_for
from deployments.common.models.fields import IdField
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment, EnvironmentQuerySet
from deployments.locks.models import Hold, freeze_hold, lock_hold

DECISIONS = [
    ("", _("Waiting")),
    ("approved", _("Approved")),
    ("denied", _("Denied")),
    ("expired", _("Denied: nobody decided in time")),
    ("withdrawn", _("Withdrawn")),
    ("void", _("Void: the preview was replaced")),
    ("not_permitted", _("Void: the approver lost the permission")),
    ("bypassed", _("Bypassed in an emergency")),
]


ROLES = [(Role.APPROVER.value, _("Approver")), (Role.ADMIN.value, _("Admin"))]
"""The roles that can approve; a person with other roles needs one of these too."""
MAX_APPROVALS = 5


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """Named queries over approvals."""

    def waiting(self) -> Self:
        """Keep those that wait for a decision."""
        return self.exclude(open_key=None)

    def bypassed_in(self, environment_pk: int) -> Self:
        """Keep those of an environment's latest deployment whose approval was bypassed."""
        rows = self.filter(decision="bypassed", deployment__environment=environment_pk)
        return rows.filter(deployment__environment__latest=models.F("deployment")).with_people()

    def waiting_with_label(self, key: str, value: str) -> Self:
        """Keep those that wait for a decision, of environments with a label."""
        labels = Label.objects.filter(key=key, value=value)
        return self.waiting().filter(deployment__environment__in=labels.values("environment"))

    def requesters(self) -> frozenset[int]:
        """Return the users who requested the changes, or their approval; service accounts as themselves."""
        pairs = self.values_list("requested_by", "deployment__requested_by")
        return frozenset(pk for pair in pairs for pk in pair)

    def waiting_of(self, environment_pk: int) -> Self:
        """Keep those that wait for a decision, of one environment."""
        return self.waiting().filter(deployment__environment=environment_pk)

    def of(self, deployment_pk: int) -> Self:
        """Keep those of one deployment, newest first."""
        return self.filter(deployment=deployment_pk).order_by("-pk")

    def with_people(self) -> Self:
        """Select the requester and the decider, without a query per row."""
        return self.select_related("requested_by", "decided_by")

    def for_list(self) -> Self:
        """Select everything that the list shows, without a query per row."""
        return self.select_related("deployment__environment__account", "requested_by")

    def about(self, environments: EnvironmentQuerySet) -> Self:
        """Keep those about deployments of these environments."""
        return self.filter(deployment__environment__in=environments.order_by().values("pk"))

    def in_account(self, account_pk: int) -> Self:
        """Keep those about environments of an account."""
        return self.about(Environment.objects.in_account(account_pk))

    def of_source(self, source_pk: int) -> Self:
        """Keep those about environments with a version of a template set."""
        return self.about(Environment.objects.of_source(source_pk))

    def with_label(self, key: str, value: str) -> Self:
        """Keep those about environments with a label."""
        return self.about(Environment.objects.with_label(key, value))

    def matching(self, text: str) -> Self:
        """Keep those of the environments that a search finds, and those of users whose name contains it."""
        found = Q(deployment__environment__in=Environment.objects.matching(text).values("pk"))
        if "=" not in text:
            found |= Q(requested_by__username__icontains=text.strip())
        return self.filter(found)


class Approval(models.Model):
    """One request: it is about the preview with this digest and the choices made with it.

    `open_key` is the deployment's pk while it waits and NULL afterwards: the database allows one per
    deployment. A decision is a compare-and-set on it, so that two people cannot both decide.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="approvals")
    open_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64)
    choices = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested"))
    expires_at = models.DateTimeField(_("expires"))
    decision = models.CharField(_("decision"), max_length=15, blank=True, default="", choices=DECISIONS)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")

    objects = models.Manager.from_queryset(ApprovalQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.decision or 'waiting'}"

    @property
    def is_waiting(self) -> bool:
        """Return whether it waits for a decision."""
        return self.open_key is not None


class ApprovalVote(models.Model):
    """One person's approval of a request that needs several."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("pk",)
        constraints = (models.UniqueConstraint(fields=("approval", "user"), name="one_vote"),)
        verbose_name = _("vote")
        verbose_name_plural = _("votes")

    def __str__(self) -> str:
        return f"{self.user_id} on {self.approval_id}"


class ApprovalRuleQuerySet(models.QuerySet["ApprovalRule"]):
    """Named queries over rules of approval."""

    def of(self, environment: Environment) -> ApprovalRule | None:
        """Return the rule of an environment itself."""
        return self.filter(key=ApprovalRule.key_for(environment)).first()

    def of_labels(self) -> Self:
        """Keep those of labels."""
        return self.filter(environment=None)

    def labels(self) -> frozenset[tuple[str, str]]:
        """Return the labels of rules: removing one from an environment removes its required approvals."""
        return frozenset(self.of_labels().values_list("label_key", "label_value"))


class ApprovalRule(models.Model):
    """The number and role of the people who approve changes of one environment, or of all with a label.

    A label's rule requires approvals for its environments. `key` is unique: there is one rule for each.
    """

    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="approval_rules"
    )
    label_key = IdField(_("label's key"), max_length=Label.MAX_KEY, blank=True, default="")
    label_value = IdField(_("label's value"), max_length=Label.MAX_VALUE, blank=True, default="")
    approvals = models.PositiveSmallIntegerField(
        _("approvals"), default=1, validators=[MinValueValidator(1), MaxValueValidator(MAX_APPROVALS)]
    )
    role = models.CharField(_("role"), max_length=20, choices=ROLES, default=Role.APPROVER.value)
    key = IdField(max_length=120, unique=True, editable=False)

    objects = models.Manager.from_queryset(ApprovalRuleQuerySet)()

    class Meta:
        ordering = ("key",)
        verbose_name = _("approval rule")
        verbose_name_plural = _("approval rules")

    def __str__(self) -> str:
        return self.key

    @property
    def rule(self) -> PolicyRule:
        """Return the rule with its policy and environments."""
        return PolicyRule(policy=self.policy, environment=self.environment_id, label=self.label)

    @property
    def policy(self) -> Policy:
        """Return the policy of the rule."""
        return Policy(approvals=self.approvals, roles=frozenset([self.role]))

    @property
    def label(self) -> tuple[str, str]:
        """Return the label's key and value; empty for the rule of an environment."""
        return self.label_key, self.label_value

    @staticmethod
    def key_for(environment: Environment | None, label: tuple[str, str] = ("", "")) -> str:
        """Return the unique key of the rule of an environment or a label."""
        return f"environment:{environment.pk}" if environment else f"label:{label[0]}={label[1]}"


def policy_of(environment: Environment) -> Policy | None:
    """Return the approval policy for changes of an environment; None if it requires none. Two queries."""
    labels = [(label.key, label.value) for label in environment.labels.all()]
    keys = [ApprovalRule.key_for(environment), *(ApprovalRule.key_for(None, label) for label in labels)]
    return policy_for(
        (row.rule for row in ApprovalRule.objects.filter(key__in=keys)),
        environment=environment.pk,
        labels=labels,
        is_switched_on=environment.requires_approval,
    )


def visible_approvals(user: Person, right: str = Right.VIEW) -> ApprovalQuerySet:
    """Return the requests for approval in the environments that a person may view, or approve changes of."""
    if access_of(user).may_everywhere(right):
        return Approval.objects.all()
    return Approval.objects.filter(deployment__environment__in=visible_environments(user, right))


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyConditions:
    """The conditions for beginning a change of an environment: its lock, a freeze of its account, approvals.

    `policy` is None if no approval is needed.
    """

    lock: Hold | None
    freeze: Hold | None
    policy: Policy | None

    @property
    def hold(self) -> Hold | None:
        """Return the hold on a change: the lock, or else the freeze."""
        return self.lock or self.freeze


def apply_conditions(environment: Environment) -> ApplyConditions:
    """Return the current conditions for a change of an environment (four queries, one more with a lock)."""
    return ApplyConditions(
        lock=lock_hold(environment),
        freeze=freeze_hold(environment.account),
        policy=policy_of(environment),
    )
