"""Named queries over deployments: active, waiting, listed, those that changed stacks, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import ACTIVE, BEFORE_STACKS, PAST_STACKS, WAITS, Kind, State

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from deployments.environments.models.deployments import Deployment
    from deployments.environments.models.environments import EnvironmentQuerySet


def began(path: str = "") -> Coalesce:
    """Return when a deployment began, as an expression; `path` leads to it and ends with "__".

    A change may be applied after one with a higher number.
    """
    return Coalesce(f"{path}applied_at", f"{path}created_at")


class DeploymentQuerySet(models.QuerySet["Deployment"]):
    """Named queries over deployments."""

    def active(self) -> Self:
        """Keep those that have not ended: the dispatcher publishes their steps, also those of previews."""
        return self.filter(state__in=[str(s) for s in ACTIVE])

    def open_changes(self) -> Self:
        """Keep changes that have not begun: previews, those that wait, and deletions to be approved."""
        change = Q(kind="update", state__in=[str(s) for s in BEFORE_STACKS])
        return self.filter(change | Q(kind="delete", state=str(State.APPROVAL)), active_key=None)

    def not_begun(self) -> Self:
        """Keep open changes, and those whose snapshots are being taken before their stacks begin."""
        return self.open_changes() | self.filter(state=str(State.SNAPSHOT))

    def waiting_deletion_of(self, environment_pk: int) -> Deployment | None:
        """Return the deletion of an environment that waits for approval, if any."""
        rows = self.filter(environment=environment_pk, kind="delete", state=str(State.APPROVAL))
        return rows.first()

    def queue_of(self, environment_pk: int) -> Self:
        """Keep the applied changes that wait for their turn in an environment, the first to come first."""
        rows = self.filter(environment=environment_pk, state=str(State.QUEUED), active_key=None)
        return rows.order_by("applied_at", "pk")

    def holder_of(self, environment_pk: int) -> Deployment | None:
        """Return the deployment in an environment's only active place; None if it is free."""
        return self.filter(active_key=environment_pk).select_related("requested_by", "applied_by").first()

    def good_of(self, environment_pk: int | OuterRef) -> Self:
        """Keep the creations and changes of an environment that changed it and succeeded, latest end first.

        Not by number: a change that waited, such as a scheduled one, may begin after a later-numbered one.
        """
        rows = self.filter(environment=environment_pk, kind__in=("create", "update"), state="succeeded")
        return rows.exclude(last_phase=str(State.CHANGE_SET)).order_by("-ended_at", "-pk")

    def deployed_in(self, environments: EnvironmentQuerySet) -> Self:
        """Keep the last good deployment of each environment, with it; if none was good, the latest one."""
        good = self.good_of(OuterRef("pk")).values("pk")[:1]
        keys = environments.order_by().annotate(deployed=Coalesce(Subquery(good), F("latest")))
        rows = self.filter(pk__in=list(keys.values_list("deployed", flat=True)))
        return rows.select_related("environment").order_by("-environment")

    def environments_without_version(self, digest: str) -> list[int]:
        """Return the environments whose version is not known, and that run the files with this digest."""
        good = self.good_of(OuterRef("pk")).values("template_digest")[:1]
        rows = Environment.objects.live().filter(template_version=None).annotate(runs=Subquery(good))
        return list(rows.filter(runs=digest).order_by().values_list("pk", flat=True))

    def updates(self) -> Self:
        """Keep the changes, with the deployments whose values they change."""
        return self.filter(kind="update").select_related("base__template_version", "template_version__source")

    def for_list(self) -> Self:
        """Select everything that a list shows, newest first, without a query per row.

        A plan that has ended and was not applied is in no list: it was only read.

        Related rows are read in separate queries: in a join, the database may start at the few accounts, and
        sort all deployments for one page.
        """
        rows = self.prefetch_related("environment__account", "requested_by").defer("changes", "bookmarks")
        return rows.exclude(operation="plan", applied_by=None, ended_at__isnull=False).order_by("-pk")

    def of(self, environment: Environment) -> Self:
        """Keep those of one environment."""
        return self.filter(environment=environment)

    def deletions_of(self, environment_pk: int) -> Self:
        """Keep the deletions of an environment since its latest creation was requested."""
        created = self.filter(environment=environment_pk, kind=Kind.CREATE.value).order_by("-pk")
        last = created.values_list("pk", flat=True).first() or 0
        return self.filter(environment=environment_pk, kind=Kind.DELETE.value, pk__gt=last)

    def recordings(self) -> Self:
        """Keep those that were imported for replay, newest first."""
        rows = self.filter(environment__account__is_recording=True)
        return rows.select_related("environment__account").order_by("-pk")

    def without_recordings(self) -> Self:
        """Keep those that this portal carried out."""
        recorded = Environment.objects.filter(account__is_recording=True)
        return self.exclude(environment__in=recorded.values("pk"))  # NOT IN, unlike a join, keeps the order

    def failed_or_rolled_back(self) -> Self:
        """Keep those that failed or were rolled back, but not on request."""
        rows = self.filter(state__in=[str(State.FAILED), str(State.ROLLED_BACK)])
        return rows.exclude(state=str(State.ROLLED_BACK), cancel_accepted_at__isnull=False)

    def waiting(self) -> Self:
        """Keep changes and deletions that wait for approval, their time, their turn or their snapshots."""
        waits = Q(state__in=[str(s) for s in WAITS], active_key=None)
        return self.filter(waits | Q(state=str(State.SNAPSHOT)))

    def waiting_in(self, environments: Collection[int]) -> Self:
        """Keep those that wait in these environments, the oldest first, with the columns of a list."""
        rows = self.waiting().filter(environment__in=environments).order_by("pk")
        return rows.only("pk", "kind", "operation", "rolls_back_to", "state", "environment", "scheduled_for")

    def not_protected(self) -> Self:
        """Keep creations after which deletion protection could not be switched on, newest first."""
        return self.filter(protection="failed").order_by("-pk")

    def that_changed_stacks(self) -> Self:
        """Keep creations and changes that began to create or change stacks, newest first."""
        before = [str(state) for state in BEFORE_STACKS]
        return self.filter(kind__in=("create", "update")).exclude(last_phase__in=before).order_by("-pk")

    def with_artifacts(self) -> Self:
        """Keep those that uploaded templates."""
        return self.exclude(artifact_bucket="").exclude(artifact_prefix="")

    def attempts_of(self, environment: Environment) -> Self:
        """Keep the creations and changes of an environment that reached its stacks, the last to end first.

        The one in progress, if any, precedes them.
        """
        rows = self.filter(environment=environment, kind__in=("create", "update")).exclude(
            last_phase__in=[str(s) for s in BEFORE_STACKS]
        )
        return rows.order_by(F("ended_at").desc(nulls_first=True), "-pk")

    def deciding_of(self, environment: Environment) -> Deployment | None:
        """Return the deployment whose result is that of an environment: the latest one that changed it.

        One that failed before it changed the stack, such as in the preflight, leaves no failure behind.
        """
        latest = environment.latest
        if latest is None or not environment.stack_id or not latest.failed_before_stacks:
            return latest
        rows = self.filter(environment=environment).exclude(last_phase__in=[str(s) for s in BEFORE_STACKS])
        return (
            rows.select_related("requested_by").order_by(F("ended_at").desc(nulls_first=True), "-pk").first()
        )

    def last_failures_of(self, environments: Collection[Environment]) -> dict[int, Deployment]:
        """Return the deployment whose failure is the latest news of an environment, by its key (2 queries).

        Dismissed or not; none if a later one succeeded. What was discarded, only read or changed nothing is
        no news, nor is a deletion that failed before it began.
        """
        early = Q(last_phase__in=[str(s) for s in BEFORE_STACKS])
        rows = self.filter(environment=OuterRef("pk"), ended_at__isnull=False)
        rows = rows.exclude(state=str(State.CANCELED)).exclude(operation="plan", applied_by=None)
        rows = rows.exclude(early, kind="delete").exclude(early, kind="update", state=str(State.SUCCEEDED))
        last = Subquery(rows.order_by("-ended_at", "-pk").values("pk")[:1])
        keys = [environment.pk for environment in environments]
        found = (
            Environment.objects.in_keys(keys).order_by().annotate(last=last).values_list("last", flat=True)
        )
        failed = self.select_related("requested_by").filter(pk__in=[pk for pk in found if pk])
        return {row.environment_id: row for row in failed if row.has_failed}

    def last_failure_of(self, environment: Environment) -> Deployment | None:
        """Return that of one environment, None without one."""
        return self.last_failures_of([environment]).get(environment.pk)

    def complete_in(self, environment: Environment) -> Self:
        """Keep those whose stacks were complete in the environment's present stack, the last to end first."""
        rows = self.attempts_of(environment).filter(last_phase__in=[str(s) for s in PAST_STACKS])
        return rows.filter(stack_id=environment.stack_id) if environment.stack_id else rows

    def creations_of(self, environment: Environment) -> Self:
        """Keep the creations of an environment, newest first."""
        return self.filter(environment=environment, kind="create").order_by("-pk")

    def made_ready_in(self, account_pk: int) -> Self:
        """Keep the creations of one account that became ready, newest first."""
        rows = self.filter(kind="create", environment__account=account_pk).exclude(ready_at=None)
        return rows.select_related("environment").order_by("-pk")

    def in_account(self, account_pk: int) -> Self:
        """Keep those of the environments in one account."""
        return self.filter(environment__in=Environment.objects.in_account(account_pk).values("pk"))

    def in_environment(self, environment_pk: int) -> Self:
        """Keep those of the environment with this key."""
        return self.filter(environment=environment_pk)

    def in_environments(self, environments: EnvironmentQuerySet) -> Self:
        """Keep those of these environments."""
        return self.filter(environment__in=environments.values("pk"))

    def in_state(self, state: State) -> Self:
        """Keep those in one state."""
        return self.filter(state=str(state))

    def of_kind(self, kind: Kind) -> Self:
        """Keep those of one kind."""
        return self.filter(kind=str(kind))

    def created_within(self, since: datetime | None, until: datetime | None) -> Self:
        """Keep those requested at `since` or later, and before `until`."""
        rows = self.filter(created_at__gte=since) if since else self
        return rows.filter(created_at__lt=until) if until else rows

    def begun_since(self, at: datetime) -> Self:
        """Keep those that began after a time, in the order in which they began."""
        return self.alias(began=began()).filter(began__gt=at).order_by("began", "pk")

    def with_labels(self) -> Self:
        """Select the labels of their environments, too."""
        return self.prefetch_related("environment__labels")

    def with_label(self, key: str, value: str) -> Self:
        """Keep those of the environments that have a label."""
        return self.filter(environment__in=Environment.objects.with_label(key, value).values("pk"))

    def of_source(self, source_pk: int) -> Self:
        """Keep those that deployed a version of a template set."""
        versions = apps.get_model("deployments", "TemplateVersion")._default_manager.filter(source=source_pk)
        return self.filter(template_version__in=versions.values("pk"))

    def matching(self, text: str) -> Self:
        """Keep those of the environments that a search finds, and those of users whose name contains it."""
        found = Q(environment__in=Environment.objects.matching(text).values("pk"))
        if "=" not in text:
            users = get_user_model().objects.filter(username__icontains=text.strip())
            found |= Q(requested_by__in=users.values("pk"))
        return self.filter(found)

    def before(self, pk: int) -> Self:
        """Keep those requested before the one with this key: the next page of a list."""
        return self.filter(pk__lt=pk)

    def for_api(self) -> Self:
        """Select everything that the API returns."""
        people = ("requested_by", "applied_by", "canceled_by")
        return self.for_page().select_related("template_version__source", *people).with_labels()

    def for_page(self) -> Self:
        """Select everything that the deployment's page shows."""
        return self.select_related("environment__account", "environment__latest", "requested_by")
