"""An AWS account and region that the portal deploys to. The sandbox has such accounts too."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.aws.account_ref import AccountRef
from deployments.environments.rules import account_template, timings
from deployments.environments.rules.timings import Timings


def of_same_kind(account: Account) -> models.Q:
    """Return the condition on rows of accounts with the same speed: on AWS, or in a sandbox."""
    return models.Q(account__is_sandbox=account.is_sandbox)


def new_external_id() -> str:
    """Return a new external id: 122 random bits, never chosen by a user."""
    return uuid.uuid4().hex


class AccountQuerySet(models.QuerySet["Account"]):
    """Named queries over accounts."""

    def usable(self) -> Self:
        """Keep those that can be deployed to."""
        return self.filter(is_recording=False)

    def matching(self, condition: models.Q) -> Self:
        """Keep those that match a condition: those that a person may view."""
        return self.filter(condition).distinct()

    def called(self, name: str) -> Self:
        """Keep those with this name, ignoring case."""
        return self.filter(name__iexact=name)

    def before(self, pk: int) -> Self:
        """Keep those added before the one with this key, newest first; all of them for 0."""
        return (self.filter(pk__lt=pk) if pk else self).order_by("-pk")

    def with_roles_due(self, now: datetime) -> Self:
        """Keep those on AWS whose roles are to be read, those that were never read first.

        The sandbox creates the roles of its accounts from the template of its own version.
        """
        due = models.Q(roles_due_at=None) | models.Q(roles_due_at__lte=now)
        return self.usable().filter(due, is_sandbox=False).order_by("roles_due_at", "pk")

    def sandboxes(self) -> Self:
        """Keep the accounts of the sandbox."""
        return self.usable().filter(is_sandbox=True)


class Account(models.Model):
    """An account and region in which environments are deployed."""

    name = models.SlugField(_("name"), max_length=40, unique=True)
    region = models.CharField(
        _("region"),
        max_length=30,
        validators=[RegexValidator(r"^[a-z]{2}(-[a-z]+)+-\d$", _("Enter a region such as ap-northeast-1."))],
    )
    role_arn = models.CharField(
        _("role to assume"),
        max_length=200,
        blank=True,
        validators=[RegexValidator(r"^arn:[\w-]+:iam::\d{12}:role/.+$", _("Enter the ARN of an IAM role."))],
        help_text=_("Leave empty to use the portal's own credentials."),
    )
    external_id = models.CharField(_("external ID"), max_length=64, default=new_external_id, editable=False)
    service_role_arn = models.CharField(
        _("CloudFormation service role"),
        max_length=200,
        blank=True,
        validators=[RegexValidator(r"^arn:[\w-]+:iam::\d{12}:role/.+$", _("Enter the ARN of an IAM role."))],
        help_text=_("The role that CloudFormation assumes. Leave empty to use the caller's permissions."),
    )
    boundary_arn = models.CharField(
        _("permissions boundary"),
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(r"^arn:[\w-]+:iam::\d{12}:policy/.+$", _("Enter the ARN of a managed policy."))
        ],
        help_text=_(
            "The policy that limits the roles that environments create: BoundaryArn of account.yaml. Leave "
            "empty for none."
        ),
    )
    artifact_bucket = models.CharField(
        _("artifact bucket"),
        max_length=63,
        blank=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", _("Enter a valid bucket name."))],
        help_text=_("Leave empty for sanso-artifacts-ACCOUNT-REGION, which is created if it does not exist."),
    )
    is_sandbox = models.BooleanField(_("sandbox"), default=False, editable=False)
    sandbox_account_id = models.CharField(max_length=12, default="", blank=True, editable=False)
    # What the sandbox reports about itself at /_sanso/about: the database and machines that it runs.
    sandbox_facts = models.JSONField(default=dict, blank=True, editable=False)
    # What the stack sanso-account says of the roles; None where it says nothing
    # (environments/rules/account_template.py).
    roles_revision = models.PositiveIntegerField(null=True, editable=False)
    roles_need_boundary = models.BooleanField(null=True, editable=False)
    roles_read_at = models.DateTimeField(null=True, editable=False)
    # When they are read next; None: at once.
    roles_due_at = models.DateTimeField(null=True, editable=False)
    # The account of recordings: nothing can be deployed to it.
    is_recording = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = models.Manager.from_queryset(AccountQuerySet)()

    class Meta:
        ordering = ("name",)
        verbose_name = _("account")
        verbose_name_plural = _("accounts")

    def __str__(self) -> str:
        return f"{self.name} · {self.region}"

    @property
    def stack_role_arn(self) -> str:
        """Return the service role of CloudFormation, "" for the portal's own permissions."""
        return self._sandbox_role("sanso-cloudformation") if self.is_sandbox else self.service_role_arn

    @property
    def boundary(self) -> str:
        """Return the permissions boundary of the roles that environments create, "" for none."""
        if self.is_sandbox:
            return f"arn:aws:iam::{self.sandbox_account_id}:policy/sanso-boundary"
        return self.boundary_arn

    @property
    def needs_boundary(self) -> bool:
        """Return whether CloudFormation is known to create roles with the boundary only.

        Roles are global: the stack of another region of the same AWS account may have them.
        """
        if self.roles_need_boundary is not None or not self.role_arn:
            return bool(self.roles_need_boundary)
        others = Account.objects.filter(role_arn=self.role_arn, roles_need_boundary__isnull=False)
        return bool(others.values_list("roles_need_boundary", flat=True).first())

    @property
    def roles_are_old(self) -> bool:
        """Return whether the roles are known to be of an earlier revision than this version needs."""
        return self.roles_revision is not None and self.roles_revision < account_template.REVISION

    def _sandbox_role(self, name: str) -> str:
        """Return a role of infra_templates/account.yaml, which every account of the sandbox has."""
        return f"arn:aws:iam::{self.sandbox_account_id}:role/{name}"

    @property
    def timings(self) -> Timings:
        """Return the intervals, timeouts and time scale of the account."""
        time_scale = self.sandbox_facts.get("pace", 1.0) if isinstance(self.sandbox_facts, dict) else 1.0
        return timings.simulated(float(time_scale)) if self.is_sandbox else timings.AWS

    @property
    def has_servers(self) -> bool:
        """Return whether requests to load balancers reach servers; a sandbox may have none."""
        return not self.is_sandbox or self.sandbox_facts.get("machines") != "records"

    @property
    def is_on_loopback(self) -> bool:
        """Return whether load balancers have loopback addresses."""
        return self.is_sandbox

    @property
    def endpoint_run(self) -> str:
        """Return the id of the sandbox's run that was used last, "" on AWS."""
        return str(self.sandbox_facts.get("instance_id", "")) if self.is_sandbox else ""

    def ref(self) -> AccountRef:
        """Return the reference that the gateways need to access this account."""
        if self.is_sandbox:
            return AccountRef(
                region=self.region,
                endpoint_url=settings.SANSO_SANDBOX_URL,
                sandbox_account=self.sandbox_account_id,
                role_arn=self._sandbox_role("sanso-portal"),
                external_id=self.external_id,
                token_file=settings.SANSO_SANDBOX_TOKEN_FILE,
                reads_per_second=settings.SANSO_SANDBOX_READS_PER_SECOND,
                quota_url=settings.REDIS_URL,
            )
        return AccountRef(
            region=self.region,
            role_arn=self.role_arn,
            external_id=self.external_id if self.role_arn else "",
            reads_per_second=settings.SANSO_AWS_READS_PER_SECOND,
            quota_url=settings.REDIS_URL,
        )
