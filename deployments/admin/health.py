"""The health of environments: targets, associations, instances, databases, site checks, requested actions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from deployments.admin.rows import AccountFilter, EnvironmentFilter, ReadOnly
from deployments.cloudformation.status import DisplayStatus
from deployments.common.texts import stored_text
from deployments.environments.display import badges
from deployments.health.display import aws_badges
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.database import DatabaseCluster, DatabaseMember, DatabaseSnapshot
from deployments.health.models.fleet import FleetInstance, ScalingActivity
from deployments.health.models.observing import Observation
from deployments.health.models.site import SiteProbe, SiteReads
from deployments.health.rules.aws_statuses import RUN_FAILED, RUN_IN_PROGRESS, RUN_SUCCEEDED
from deployments.stacks.models.action_requests import ActionRequest

_RESULTS = {"failed": RUN_FAILED, "running": RUN_IN_PROGRESS, "succeeded": RUN_SUCCEEDED}
_REQUEST_STATES = {
    "waiting": DisplayStatus.WAITING,
    "running": DisplayStatus.PROGRESS,
    "done": DisplayStatus.DONE,
}


class RunFilter(admin.SimpleListFilter):
    """Filter by the result of a run; State Manager has more statuses."""

    title = _("result")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("failed", _("Failed")), ("running", _("In progress")), ("succeeded", _("Succeeded"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the choice."""
        chosen = _RESULTS.get(self.value() or "")
        return queryset.filter(status__in=chosen) if chosen else queryset


class OfEnvironment(ReadOnly):
    """Rows that belong to an environment."""

    list_select_related: ClassVar[Any] = ("environment__account",)
    ordering: ClassVar[Any] = ("-pk",)

    @admin.display(description=_("account"), ordering="environment__account__name")
    def account(self, row: Any) -> str:
        """Return the account's name."""
        return str(row.environment.account.name)


@admin.register(Target)
class TargetAdmin(OfEnvironment):
    """Servers as their load balancers see them."""

    list_display = (
        "target_id",
        "port",
        "environment",
        "account",
        "tier",
        "displayed_state",
        "why",
        "since",
        "observed_at",
    )
    list_filter = (
        "state",
        "tier",
        ("environment", EnvironmentFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("target_id", "environment__name")

    @admin.display(description=_("state"), ordering="state")
    def displayed_state(self, target: Target) -> SafeString:
        """Return the state."""
        return aws_badges.target(target.state)

    @admin.display(description=_("reason"))
    def why(self, target: Target) -> str:
        """Return the reason as a text."""
        return (
            ""
            if target.state == "healthy"
            else aws_badges.reason(target.state, target.reason, target.description)
        )


@admin.register(Association)
class AssociationAdmin(OfEnvironment):
    """Associations with the result of their latest execution."""

    list_display = (
        "__str__",
        "environment",
        "account",
        "tier",
        "displayed_status",
        "counted",
        "executed_at",
        "observed_at",
    )
    list_filter = (
        RunFilter,
        "tier",
        ("environment", EnvironmentFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("association_id", "name", "environment__name")

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, association: Association) -> SafeString:
        """Return the status of its latest execution."""
        return aws_badges.run(association.status, association.detailed_status)

    @admin.display(description=_("instances"))
    def counted(self, association: Association) -> str:
        """Return the number of instances by State Manager's status."""
        return ", ".join(f"{status} {number}" for status, number in sorted(association.counts.items()))


@admin.register(AssociationRun)
class AssociationRunAdmin(ReadOnly):
    """Runs of associations on single instances, with what failed."""

    list_display = ("instance_id", "association", "environment", "displayed_status", "failed_task", "at")
    list_filter = (RunFilter, ("association__environment__account", AccountFilter))
    search_fields = ("instance_id", "association__environment__name")
    list_select_related = ("association__environment",)
    ordering = ("-pk",)

    @admin.display(description=_("environment"))
    def environment(self, run: AssociationRun) -> str:
        """Return the environment's name."""
        return run.association.environment.name

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, run: AssociationRun) -> SafeString:
        """Return its status."""
        return aws_badges.run(run.status, run.detailed_status)


@admin.register(FleetInstance)
class FleetInstanceAdmin(OfEnvironment):
    """Instances of Auto Scaling groups, including terminated ones."""

    list_display = (
        "instance_id",
        "environment",
        "account",
        "tier",
        "displayed_lifecycle",
        "zone",
        "launch_template_version",
        "gone_at",
    )
    list_filter = (
        "lifecycle",
        "tier",
        ("environment", EnvironmentFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("instance_id", "environment__name")

    @admin.display(description=_("lifecycle state"), ordering="lifecycle")
    def displayed_lifecycle(self, instance: FleetInstance) -> SafeString:
        """Return its lifecycle state."""
        return aws_badges.lifecycle(instance.lifecycle)


@admin.register(ScalingActivity)
class ScalingActivityAdmin(OfEnvironment):
    """Activities of Auto Scaling groups."""

    list_display = (
        "description",
        "environment",
        "account",
        "tier",
        "displayed_status",
        "started_at",
        "ended_at",
    )
    list_filter = (
        "status",
        "tier",
        ("environment", EnvironmentFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("environment__name",)

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, activity: ScalingActivity) -> SafeString:
        """Return its status."""
        return aws_badges.activity(activity.status)


@admin.register(DatabaseCluster)
class DatabaseClusterAdmin(OfEnvironment):
    """Aurora clusters."""

    list_display = (
        "cluster_id",
        "environment",
        "account",
        "displayed_status",
        "engine_version",
        "observed_at",
    )
    list_filter = ("status", ("environment", EnvironmentFilter), ("environment__account", AccountFilter))
    search_fields = ("cluster_id", "environment__name")

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, cluster: DatabaseCluster) -> SafeString:
        """Return the cluster's status."""
        return aws_badges.database(cluster.status)


@admin.register(DatabaseMember)
class DatabaseMemberAdmin(ReadOnly):
    """Instances of Aurora clusters with their roles."""

    list_display = ("instance_id", "cluster", "is_writer", "displayed_status", "zone", "lag_ms")
    list_filter = ("is_writer", "status", ("cluster__environment__account", AccountFilter))
    search_fields = ("instance_id", "cluster__environment__name")
    list_select_related = ("cluster",)

    @admin.display(description=_("status"), ordering="status")
    def displayed_status(self, member: DatabaseMember) -> SafeString:
        """Return the instance's status."""
        return aws_badges.database(member.status)


@admin.register(DatabaseSnapshot)
class DatabaseSnapshotAdmin(OfEnvironment):
    """Snapshots of Aurora clusters."""

    list_display = ("snapshot_id", "environment", "account", "cause", "status", "size", "created_at")
    list_filter = (
        "cause",
        "status",
        ("environment", EnvironmentFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("snapshot_id", "cluster_id", "environment__name")


@admin.register(Observation)
class ObservationAdmin(OfEnvironment):
    """When each source was last observed, and its problem."""

    list_display = (
        "source",
        "environment",
        "account",
        "observed_at",
        "attempted_at",
        "problem_code",
        "problem",
    )
    list_filter = (
        "source",
        ("problem_code", admin.EmptyFieldListFilter),
        ("environment__account", AccountFilter),
    )
    search_fields = ("environment__name",)

    @admin.display(description=_("problem"))
    def problem(self, observation: Observation) -> str:
        """Return the text of the problem."""
        return stored_text(observation.problem_sentence)


@admin.register(SiteProbe)
class SiteProbeAdmin(OfEnvironment):
    """Site checks."""

    list_display = ("at", "environment", "account", "wrote", "read", "milliseconds", "asked_by")
    list_filter = ("wrote", "read", ("environment__account", AccountFilter))
    search_fields = ("environment__name",)
    list_select_related = ("environment__account", "asked_by")


@admin.register(SiteReads)
class SiteReadsAdmin(OfEnvironment):
    """Reads through load balancers, counted in five minutes each."""

    list_display = ("start", "environment", "account", "reads", "failed", "slowest", "reached", "latest_at")
    list_filter = ("reached", ("environment__account", AccountFilter))
    search_fields = ("environment__name",)


@admin.register(ActionRequest)
class ActionRequestAdmin(OfEnvironment):
    """Actions that users requested on environments' pages."""

    list_display = (
        "id",
        "kind",
        "environment",
        "account",
        "displayed_state",
        "asked_by",
        "created_at",
        "ended_at",
    )
    list_display_links = ("id", "kind")
    list_filter = ("state", "kind", ("environment__account", AccountFilter))
    search_fields = ("environment__name",)
    list_select_related = ("environment__account", "asked_by")

    @admin.display(description=_("state"), ordering="state")
    def displayed_state(self, request: ActionRequest) -> SafeString:
        """Return its status."""
        return badges.status_badge(
            _REQUEST_STATES.get(request.state, DisplayStatus.FAILED), request.get_state_display()
        )
