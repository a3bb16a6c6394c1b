"""One three-tier environment: a name in an account, its root stack, and its observed state."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.status import is_final, is_rolled_back_create
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account
from deployments.environments.models.environment_states import (
    Urgency,
    state_expression,
    urgency_expression,
)
from deployments.environments.rules.environment_state import (
    NOT_CREATED,
    EnvironmentState,
    Situation,
    state_of,
)
from deployments.environments.rules.health_status import HealthStatus

if TYPE_CHECKING:
    from datetime import datetime

    from deployments.environments.models.deployments import Deployment


VERSION = ("template_version__source", "went_back_from")
"""The columns of an environment's version that pages show."""


class EnvironmentCounts(NamedTuple):
    """How many environments are in each state, and of each urgency."""

    by_state: Counter[EnvironmentState]
    by_urgency: Counter[Urgency]


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    """Named queries over environments."""

    def live(self) -> Self:
        """Keep those that have not been deleted."""
        return self.filter(deleted_at=None)

    def deleted(self) -> Self:
        """Keep those that have been deleted."""
        return self.exclude(deleted_at=None)

    def tagged(self, tag: str) -> Self:
        """Keep the one with this value of the tag that its resources in AWS have; none for another text."""
        try:
            return self.filter(key=uuid.UUID(tag))
        except ValueError:
            return self.none()

    def without_recordings(self) -> Self:
        """Leave out the environments of recordings, which do not exist in AWS."""
        return self.filter(account__is_recording=False)

    def with_urgency(self) -> Self:
        """Add `urgency` to each."""
        return self.annotate(urgency=urgency_expression())

    def state_counts(self) -> EnvironmentCounts:
        """Return the number of environments in each state and of each urgency (1 query)."""
        found = EnvironmentCounts(Counter(), Counter())
        rows = self.order_by().annotate(own_state=state_expression(), urgency=urgency_expression())
        for state, urgency, number in rows.values_list("own_state", "urgency").annotate(Count("pk")):
            found.by_state[EnvironmentState(state)] += number
            found.by_urgency[Urgency(urgency)] += number
        return found

    def in_state(self, state: EnvironmentState) -> Self:
        """Keep those in one state."""
        return self.alias(own_state=state_expression()).filter(own_state=str(state))

    def of_urgency(self, urgency: Urgency) -> Self:
        """Keep those of one urgency."""
        return self.with_urgency().filter(urgency=urgency.value)

    def matching(self, text: str) -> Self:
        """Keep those that a search finds by name, owner, account, set and version, or by key=value."""
        key, equals, value = text.strip().partition("=")
        if equals:
            return self.with_label(key.strip(), value.strip())
        found = Q(name__icontains=key) | Q(owner__username__icontains=key) | Q(account__name__icontains=key)
        versions = apps.get_model("deployments", "TemplateVersion")._default_manager
        return self.filter(found | Q(template_version__in=versions.matching(key).values("pk")))

    def by_age(self) -> Self:
        """Order by age, the newest first."""
        return self.order_by("-pk")

    def with_label(self, key: str, value: str) -> Self:
        """Keep those that have a label."""
        return self.filter(labels__key=key, labels__value=value)

    def in_account(self, account_pk: int) -> Self:
        """Keep those of one account."""
        return self.filter(account=account_pk)

    def with_stack_in(self, account: Account) -> Self:
        """Keep those of an account that have a stack, as far as it is known."""
        return self.live().filter(account=account, missing_since=None).exclude(stack_id="")

    def sharing_artifacts(self, environment: Environment, bucket: str, prefix: str) -> list[str]:
        """Return the names of other environments that were deployed from these artifacts and still exist."""
        rows = self.live().filter(deployments__artifact_bucket=bucket, deployments__artifact_prefix=prefix)
        return sorted(set(rows.exclude(pk=environment.pk).values_list("name", flat=True)))

    def of_the_same_name(self, environment: Environment) -> list[str]:
        """Return the names of existing environments that took over an environment's stack name."""
        rows = self.live().filter(account=environment.account_id, stack_name=environment.stack_name)
        return list(rows.exclude(pk=environment.pk).values_list("name", flat=True))

    def for_list(self) -> Self:
        """Select everything that the list shows, problems first, then newest, without a query per row."""
        rows = self.with_urgency().select_related("account", "owner", "latest__requested_by", *VERSION)
        return rows.prefetch_related("labels").defer("secret_fingerprints").order_by("urgency", "-pk")

    def with_versions(self, versions: Collection[models.Model]) -> Self:
        """Keep those that have one of these versions of template sets, by name."""
        return self.filter(template_version__in=versions).select_related("account").order_by("name", "pk")

    def count_by_version(self) -> dict[int, int]:
        """Return the number of environments with each version of a template set."""
        rows = self.exclude(template_version=None).order_by().values_list("template_version")
        return {int(version): int(number) for version, number in rows.annotate(Count("pk"))}

    def newest_first(self) -> Self:
        """Order those of `for_list` only by age: states change while pages are read."""
        return self.for_list().order_by("-pk")

    def before(self, pk: int) -> Self:
        """Keep those created before the one with this key: the next page in the order of age."""
        return self.filter(pk__lt=pk)

    def created_within(self, since: datetime | None, until: datetime | None) -> Self:
        """Keep those created at `since` or later, and before `until`."""
        rows = self.filter(created_at__gte=since) if since else self
        return rows.filter(created_at__lt=until) if until else rows

    def of_contact(self, account: Account, tag: str) -> Environment | None:
        """Return the environment that a first contact with an account has created, None if it has none."""
        return self.filter(account=account, contact_tag=tag).select_related("account", "latest").first()

    def called(self, name: str) -> Self:
        """Keep those with this name, ignoring case."""
        return self.filter(name__iexact=name)

    def for_page(self) -> Self:
        """Select everything that the environment's page shows."""
        rows = self.select_related("account", "owner", "latest__requested_by", *VERSION)
        return rows.prefetch_related("labels")

    def that_follow_a_channel(self) -> Self:
        """Keep those that exist and follow branches or tags, with their version."""
        return self.live().exclude(channel="").exclude(template_version=None).select_related(*VERSION)

    def paused(self) -> Self:
        """Keep those that somebody rolled back to an earlier version, so that their channel offers less."""
        return self.exclude(went_back_from=None)

    def of_source(self, source_pk: int) -> Self:
        """Keep those that have a version of a template set."""
        return self.filter(template_version__source=source_pk)

    def in_keys(self, keys: Collection[int]) -> Self:
        """Keep those with these keys."""
        return self.filter(pk__in=keys)

    def ready_from(self, source_pk: int) -> Self:
        """Keep those without problems that have a version of a template set, the newest versions first."""
        rows = self.live().without_recordings().of_source(source_pk)
        rows = rows.of_urgency(Urgency.DEPLOYED)
        return rows.select_related("template_version", "account").order_by(
            "-template_version__number", "name"
        )

    def with_due_drill(self, now: datetime) -> Self:
        """Keep those whose next restore drill by schedule is due, the longest due one first."""
        return self.live().without_recordings().filter(next_drill_at__lte=now).order_by("next_drill_at")

    def observed(self) -> Self:
        """Keep those whose stack is polled between deployments."""
        return self.filter(deleted_at=None).exclude(due_at=None)


class Environment(models.Model):
    """One root stack with its nested stacks.

    `live_key` is unique while the environment exists and NULL afterwards, so that a name can be used again;
    MySQL has no conditional unique constraints. It is lower case: AWS distinguishes `Staging` and `staging`
    in one account, but people do not.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="environments")
    name = models.CharField(_("name"), max_length=60)
    stack_name = models.CharField(_("stack name"), max_length=128)
    live_key = IdField(max_length=100, unique=True, null=True, editable=False)  # type: ignore[misc]
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    latest = models.ForeignKey(
        "deployments.Deployment", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    stack_id = IdField(_("stack ID"), max_length=255, blank=True, default="")
    stack_status = models.CharField(_("stack status"), max_length=60, blank=True, default="")
    # The mode of DeploymentConfig with which the stack was deployed last, "" if AWS reports none.
    deployment_mode = models.CharField(max_length=20, blank=True, default="", editable=False)
    status_reason = models.TextField(blank=True, default="")
    outputs = models.JSONField(default=dict, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    # From DescribeStacks; None until it was read by a version of Sanso that supports it.
    termination_protection = models.BooleanField(null=True, editable=False)
    missing_since = models.DateTimeField(null=True, blank=True)
    # Why the stack is missing: an error code of `deployments.environments.rules.outcome.WITHOUT_STACK`.
    missing_code = models.CharField(max_length=40, blank=True, default="", editable=False)
    # The run of the sandbox (its instance_id) in which the stack was seen last; "" on AWS.
    sandbox_run = models.CharField(max_length=64, blank=True, default="", editable=False)
    # The stuck resources of a stack whose rollback or deletion failed: {"status", "updated", "resources"}
    # in the form of `deployments.cloudformation.stuck_resources`.
    stuck = models.JSONField(default=dict, blank=True, editable=False)
    # Resources that continued rollbacks skipped and that were not reconciled since; as in `stuck`.
    skipped = models.JSONField(default=list, blank=True, editable=False)
    # The stack after the last operation of Sanso, {"status", "updated"}; {} until it is observed.
    known_stack = models.JSONField(default=dict, blank=True, editable=False)
    changed_outside_at = models.DateTimeField(null=True, blank=True, editable=False)
    observed_at = models.DateTimeField(null=True, blank=True)
    observe_error = models.TextField(blank=True, default="")
    # Fingerprints that recognize NoEcho values of past deployments in AWS's texts, for their redaction.
    secret_fingerprints = models.TextField(blank=True, default="", editable=False)
    # The roll-up of the observations, for lists: see deployments/health/rules/rollup.py.
    health_word = models.CharField(_("health"), max_length=12, default="unknown")
    health_sentence = models.JSONField(default=dict, blank=True, editable=False)
    health_at = models.DateTimeField(null=True, blank=True)
    # A page is open until this time: sources are polled more often, and with priority.
    watched_until = models.DateTimeField(null=True, blank=True)
    # The version of the template set after its last good deployment (NULL: unknown), and the pattern of
    # branches and tags that it follows ("" follows none).
    template_version = models.ForeignKey(
        "deployments.TemplateVersion",
        null=True,
        on_delete=models.SET_NULL,
        related_name="environments",
        verbose_name=_("version of the template set"),
        editable=False,
    )
    channel = models.CharField(_("channel"), max_length=255, blank=True, default="", editable=False)
    # The version from which somebody went back to an earlier one: the channel offers only newer versions.
    went_back_from = models.ForeignKey(
        "deployments.TemplateVersion", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    # A second person approves its changes and its deletion (not the deletion protection of AWS).
    requires_approval = models.BooleanField(_("changes require approval"), default=False)
    # When the last restore drill of a database in use failed; NULL once one has passed.
    drill_failed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When Sanso runs the next restore drill, at least; NULL: only on request.
    next_drill_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    # The value of the tag of the first contact that created it, "" for all others.
    contact_tag = models.CharField(max_length=16, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(EnvironmentQuerySet)()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        # Django's own are change_environment and delete_environment; add_deployment requests a new one.
        permissions = (
            ("operate_environment", "Can run associations, site checks and deletion protection"),
            ("approve_change", "Can approve changes that others requested"),
            ("require_approval", "Can decide whether changes of an environment require approval"),
            ("release_environment", "Can release to running servers"),
            ("lock_environment", "Can lock environments"),
            ("break_lock", "Can break locks of others"),
            ("force_delete", "Can delete a stack without resources that AWS cannot delete"),
            ("delete_remaining", "Can delete resources that remain after a deletion"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the environment's page."""
        return reverse("environment", args=[self.pk])

    @staticmethod
    def key_for(account: Account, name: str) -> str:
        """Return the live key of a name in an account."""
        return f"{account.pk}:{name.lower()}"

    @property
    def is_of_another_run(self) -> bool:
        """Return whether its endpoint has lost the stack: it answers about another run of itself."""
        met = self.account.endpoint_run
        return bool(self.stack_id and self.sandbox_run) and met not in ("", self.sandbox_run)

    @property
    def is_gone(self) -> bool:
        """Return whether its stack no longer exists: what it had, such as an address, leads nowhere."""
        return bool(self.deleted_at or self.missing_since) or self.is_of_another_run

    @property
    def url(self) -> str:
        """Return the site's address from the stack's outputs; "" if they have none, or the stack is gone."""
        if self.is_gone:
            return ""
        names = ("SiteUrl", "SiteURL", "URL", "Url", "ALBURL")
        return next((str(self.outputs[name]) for name in names if name in self.outputs), "")

    @property
    def health(self) -> str:
        """Return its latest health; unknown if the stack is gone, like that of what was never observed."""
        return "unknown" if self.is_gone else self.health_word

    @property
    def state(self) -> EnvironmentState:
        """Return its state, of its row, its account and its latest deployment."""
        latest = self.latest
        return state_of(
            Situation(
                health=HealthStatus(self.health_word or HealthStatus.UNKNOWN),
                is_deleted=self.deleted_at is not None,
                is_gone=self.is_gone,
                is_changing=latest is not None
                and (latest.active_key is not None or latest.is_scheduled_creation),
                was_created=not (self.stack_status in NOT_CREATED or (latest and latest.has_created_nothing)),
            )
        )

    @property
    def is_protected(self) -> bool:
        """Return whether the environment was created with deletion protection, by its parameters."""
        seen = [self.termination_protection]
        seen += self.clusters.values_list("deletion_protection", flat=True)
        seen += self.load_balancers.values_list("deletion_protection", flat=True)
        if any(one is not None for one in seen):
            return any(seen)
        on = any("DeletionProtection" in name and value == "true" for name, value in self.parameters.items())
        return on and bool(self.stack_id) and not is_rolled_back_create(self.stack_status)

    @property
    def skipped_resources(self) -> list[StuckResource]:
        """Return the resources that continued rollbacks skipped and that were not reconciled since."""
        return [StuckResource.from_json(one) for one in self.skipped]

    @property
    def stuck_resources(self) -> list[StuckResource] | None:
        """Return the stuck resources in the current status of the stack; None until Sanso has read them."""
        if self.stuck.get("status") != self.stack_status:
            return None
        return [StuckResource.from_json(one) for one in self.stuck.get("resources", ())]

    @property
    def needs_operator(self) -> bool:
        """Return whether its stack is in a final status from which it cannot be changed."""
        if not self.stack_id or self.missing_since or self.active_deployment:
            return False
        return not is_allowed(self.stack_status, Operation.CHANGE)

    @property
    def is_stack_changing(self) -> bool:
        """Return whether an operation that was not requested in Sanso is changing the stack."""
        return bool(self.stack_status) and self.active_deployment is None and not is_final(self.stack_status)

    @property
    def active_deployment(self) -> Deployment | None:
        """Return the deployment that is changing the environment now, if any."""
        return self.latest if self.latest and self.latest.is_active else None
