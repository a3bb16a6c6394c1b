"""A release to running servers: the state at its beginning, and the stage of each server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from django.db import models
from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from deployments.common.models.fields import IdField
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.releases.rules import Stage

LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
"""Before every release: of an environment in which nothing has succeeded, all count."""
STAGES = [
    ("waiting", _("Waiting")),
    ("draining", _("Draining")),
    ("configuring", _("Configuring")),
    ("checking", _("Checking")),
    ("watching", _("Watching")),
    ("done", _("Done")),
    ("failed", _("Failed")),
    ("gone", _("Left the group")),
    ("returned", _("Went back")),
    ("not_reached", _("Not reached")),
]


class ServerReleaseQuerySet(models.QuerySet["ServerRelease"]):
    """Named queries over releases."""

    def of(self, deployment: Deployment) -> ServerRelease | None:
        """Return the release of a deployment; None before it has begun."""
        return self.filter(deployment=deployment.pk).prefetch_related("servers").first()

    def newest_of(self, environment: Environment) -> ServerRelease | None:
        """Return the release of an environment that began last."""
        rows = self.filter(deployment__environment=environment.pk).select_related("deployment")
        return rows.order_by("-started_at", "-pk").prefetch_related("servers").first()

    def unfinished_of(self, environment: Environment) -> ServerRelease | None:
        """Return the release after which servers may run different versions; None if they run the same."""
        found = self._last_that_changed_servers(environment.pk)
        return None if found is None or found.deployment.is_active or found.went_back else found

    def left_mixed_before(self, release: ServerRelease) -> bool:
        """Return whether an earlier release may have left servers with a version that the stacks lack."""
        earlier = self.filter(started_at__lt=release.started_at)
        found = earlier._last_that_changed_servers(release.deployment.environment_id)
        return found is not None and not found.went_back

    def _last_that_changed_servers(self, environment_pk: int) -> ServerRelease | None:
        """Return the latest release that changed servers and did not succeed, since the last success."""
        good = Deployment.objects.good_of(environment_pk).values("ended_at")[:1]
        since = Coalesce(Subquery(good), Value(LONG_AGO), output_field=models.DateTimeField())
        rows = self.filter(deployment__environment=environment_pk, started_at__gt=since)
        rows = rows.exclude(deployment__state=State.SUCCEEDED).select_related("deployment")
        rows = rows.order_by("-started_at", "-pk").prefetch_related("servers")
        return next((one for one in rows if one.has_changed_servers), None)

    def to_resume(self, environment: Environment) -> Self:
        """Keep the releases of an environment that have ended while their group was still suspended."""
        rows = self.filter(deployment__environment=environment.pk, deployment__ended_at__isnull=False)
        return rows.filter(suspended_at__isnull=False, resumed_at=None)


class ServerRelease(models.Model):
    """The release of one deployment. `association` configures the servers; `files` are its artifacts.

    `processes` are those of the group that are suspended for it, from before the call to AWS until
    `resumed_at`. `baseline` has the reads of the site before the first server was watched. From
    `returning_at` on, servers get the earlier version because of the `failure` of `failed_server`.
    """

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="server_release")
    kind = models.CharField(_("kind"), max_length=20)
    group = IdField(max_length=255)
    association = IdField(max_length=64)
    artifacts = models.JSONField(default=list, blank=True)
    processes = models.JSONField(default=list, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    is_suspended = models.BooleanField(default=False)
    resumed_at = models.DateTimeField(null=True, blank=True)
    baseline = models.JSONField(default=dict, blank=True)
    returning_at = models.DateTimeField(_("goes back since"), null=True, blank=True)
    failed_server = IdField(_("failed server"), max_length=64, blank=True, default="")
    failure = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(_("started"))

    objects = models.Manager.from_queryset(ServerReleaseQuerySet)()

    class Meta:
        verbose_name = _("release to servers")
        verbose_name_plural = _("releases to servers")

    def __str__(self) -> str:
        return f"{self.deployment_id} {self.kind}"

    @property
    def is_to_resume(self) -> bool:
        """Return whether processes of the group may be suspended for it."""
        return self.suspended_at is not None and self.resumed_at is None

    @property
    def has_changed_servers(self) -> bool:
        """Return whether it has sent a command to a server, or went back after that."""
        return self.returning_at is not None or any(one.requested_at for one in self.servers.all())

    @property
    def went_back(self) -> bool:
        """Return whether no server has its version any more."""
        return self.returning_at is not None and all(one.is_as_before for one in self.servers.all())


class ReleaseServer(models.Model):
    """One server of a release, in the order of `position`.

    `requested_at` is set before a command is sent, so that a later step searches for it; `attempt` is
    incremented for a second command after State Manager has restored the earlier version. `configured_at` is
    when the server had the new version.
    """

    release = models.ForeignKey(ServerRelease, on_delete=models.CASCADE, related_name="servers")
    instance_id = IdField(_("instance"), max_length=64)
    position = models.PositiveSmallIntegerField(default=0)
    stage = models.CharField(_("stage"), max_length=20, choices=STAGES, default="waiting")
    stage_at = models.DateTimeField(_("since"))
    attempt = models.PositiveSmallIntegerField(default=1)
    requested_at = models.DateTimeField(null=True, blank=True)
    command_id = IdField(max_length=64, blank=True, default="")
    configured_at = models.DateTimeField(null=True, blank=True)
    message = models.JSONField(default=dict, blank=True)
    failed_task = models.CharField(_("failed task"), max_length=255, blank=True, default="")
    output = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("server of a release")
        verbose_name_plural = _("servers of releases")
        ordering = ("position", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("release", "instance_id"), name="one_row_per_server_of_a_release"
            ),
        )

    def __str__(self) -> str:
        return f"{self.instance_id} {self.stage}"

    @property
    def has_new_version(self) -> bool:
        """Return whether the server had the new version when it was last observed."""
        return self.configured_at is not None and self.stage != Stage.GONE

    @property
    def is_as_before(self) -> bool:
        """Return whether it has the earlier version after the release was rolled back."""
        return self.stage in (Stage.RETURNED, Stage.NOT_REACHED, Stage.GONE)

    def was_configured_before(self, at: datetime) -> bool:
        """Return whether something else has configured the server since."""
        return self.configured_at is not None and at > self.configured_at
