"""The stacks and resources of one deployment, with their state according to its events."""

from __future__ import annotations

from collections.abc import Collection
from typing import Self

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.status import DELETED
from deployments.common.models.fields import IdField
from deployments.environments.models.deployment_queries import began
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

STACK_TYPE = "AWS::CloudFormation::Stack"


class StackQuerySet(models.QuerySet["Stack"]):
    """Named queries over stacks."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's stacks, parents first."""
        return self.filter(deployment=deployment).order_by("depth", "pk")

    def to_poll(self) -> Self:
        """Keep those that may have new events."""
        return self.filter(settled=False).exclude(stack_id="")

    def known_of(self, environment: Environment) -> Self:
        """Keep the stacks of the environment's deployments, in the order in which these began."""
        rows = self.filter(deployment__environment=environment).exclude(stack_id="")
        return rows.order_by(began("deployment__"), "deployment_id", "depth", "pk")

    def with_id(self, stack_id: str) -> Self:
        """Keep the stack with this StackId."""
        return self.filter(stack_id=stack_id)

    def with_counts(self) -> Self:
        """Add `resource_count`: the number of resources of each, without nested stacks."""
        return self.annotate(resource_count=Count("resources", filter=~Q(resources__type=STACK_TYPE)))


class ResourceQuerySet(models.QuerySet["Resource"]):
    """Named queries over resources."""

    def of_deployment(self, deployment: Deployment) -> Self:
        """Keep the resources of one deployment."""
        return self.filter(stack__deployment=deployment)

    def of_environment(self, environment: Environment) -> Self:
        """Keep the resources of the environment's deployments, in the order in which these began."""
        rows = self.filter(stack__deployment__environment=environment)
        return rows.order_by(began("stack__deployment__"), "stack__deployment_id", "stack__depth", "pk")

    def of_others(self, environment: Environment, types: Collection[str]) -> Self:
        """Keep the existing resources of these types in other environments of the account.

        Templates may have fixed names, so a resource that was deleted in one environment may be in use in
        another.
        """
        rows = self.filter(stack__deployment__environment__account=environment.account_id, type__in=types)
        rows = rows.filter(stack__deployment__environment__deleted_at=None)
        rows = rows.exclude(stack__deployment__environment=environment)
        return rows.exclude(physical_id="").exclude(status__in=("", DELETED))

    def in_stacks(self, stacks: Collection[int]) -> Self:
        """Keep the resources of these stacks, in the order of their creation."""
        return self.filter(stack__in=stacks).order_by("pk")

    def tallied(self, deployment: Deployment) -> list[tuple[str, str, int]]:
        """Return (path of the stack, status, count) for all resources of a deployment."""
        rows = self.filter(stack__deployment=deployment).order_by()
        return list(rows.values_list("stack__path", "status").annotate(Count("pk")))

    def changes_in(self, deployment: Deployment) -> list[tuple[str, list[list[int | str]]]]:
        """Return (path of the stack, status changes) of all resources of a deployment."""
        rows = self.filter(stack__deployment=deployment).order_by()
        return list(rows.values_list("stack__path", "changes"))

    def touched_in(self, deployment: Deployment) -> Self:
        """Keep those that have events of one deployment, with their stacks."""
        return self.placed_in(deployment).exclude(changes=[])

    def placed_in(self, deployment: Deployment) -> Self:
        """Keep one deployment's resources, with their stacks."""
        return self.filter(stack__deployment=deployment).select_related("stack").order_by("pk")

    def remaining_of(self, deployment: Deployment) -> Self:
        """Keep a deployment's resources that CloudFormation created or found and did not delete.

        Nested stacks are left out. A resource whose creation failed may have been created: AWS gave it a
        physical id then.
        """
        rows = self.placed_in(deployment).exclude(type=STACK_TYPE)
        return rows.exclude(physical_id="").exclude(status__in=("", DELETED))

    def newest_of(self, environment: Environment) -> list[Resource]:
        """Return the resources of the environment's stacks by the newest row of each path; no nested stacks.

        A pending row does not count: the resource still has the state of its earlier row.
        """
        found: dict[str, Resource] = {}
        for row in self.of_environment(environment).exclude(type=STACK_TYPE).select_related("stack"):
            if row.status or row.path not in found:
                found[row.path] = row
        return [row for row in found.values() if row.physical_id and row.status not in ("", DELETED)]

    def with_dependencies(self) -> Self:
        """Keep those that have dependencies, with their stacks."""
        return self.exclude(depends_on=[]).select_related("stack")


class Stack(models.Model):
    """A root or nested stack, at its path of logical ids below the root ("" is the root)."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="stacks")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    path = IdField(_("path"), max_length=400, blank=True, default="")
    depth = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(_("stack name"), max_length=255, blank=True, default="")
    stack_id = IdField(_("stack ID"), max_length=255, blank=True, default="", db_index=True)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    bookmark = IdField(max_length=255, blank=True, default="")
    settled = models.BooleanField(default=True)
    started_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # [[epoch ms, status], …] by time, written by the event log (deployments.cloudformation.timeline.union).
    changes = models.JSONField(default=list, blank=True, editable=False)
    # When a notification arrived that the stack has changed; NULL once it was polled.
    hinted_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When its events were last polled, and the number of polls in a row without new ones (core.polling).
    polling = models.JSONField(default=dict, blank=True, editable=False)

    objects = models.Manager.from_queryset(StackQuerySet)()

    class Meta:
        verbose_name = _("stack")
        verbose_name_plural = _("stacks")
        constraints = (models.UniqueConstraint(fields=("deployment", "path"), name="one_stack_per_path"),)

    def __str__(self) -> str:
        return self.path or self.name

    @property
    def logical_id(self) -> str:
        """Return the logical id in the parent stack; the stack's name for the root."""
        return str(self.path).rpartition("/")[2] or str(self.name)


class Resource(models.Model):
    """A resource of a stack; a nested stack is also a resource of its parent."""

    stack = models.ForeignKey(Stack, on_delete=models.CASCADE, related_name="resources")
    logical_id = IdField(_("logical ID"), max_length=255)
    physical_id = models.TextField(_("physical ID"), blank=True, default="")
    type = models.CharField(_("type"), max_length=255)
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # [[epoch ms, status], …] by time, written by the event log (deployments.cloudformation.timeline.union).
    changes = models.JSONField(default=list, blank=True, editable=False)
    # [[path, way], …]: the dependencies that must exist first (deployments.cloudformation.dependencies.Edge).
    depends_on = models.JSONField(default=list, blank=True, editable=False)

    objects = models.Manager.from_queryset(ResourceQuerySet)()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        constraints = (
            models.UniqueConstraint(fields=("stack", "logical_id"), name="one_resource_per_logical_id"),
        )

    def __str__(self) -> str:
        return self.logical_id

    @property
    def path(self) -> str:
        """Return the path of logical ids below the root stack."""
        return f"{self.stack.path}/{self.logical_id}" if self.stack.path else str(self.logical_id)

    @property
    def is_stack(self) -> bool:
        """Return whether the resource is a nested stack."""
        return self.type == STACK_TYPE
