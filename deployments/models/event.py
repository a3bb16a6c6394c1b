"""A deployment's log: CloudFormation's stack events and the portal's own steps, numbered without a gap."""

from __future__ import annotations

import hashlib
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.core.root_cause import Failure
from deployments.core.status import is_failed
from deployments.models.deployment import Deployment
from deployments.models.fields import IdField
from deployments.models.sentences import words
from deployments.models.stack import Stack

SOURCES = [("cloudformation", "CloudFormation"), ("portal", "Sanso")]


class EventQuerySet(models.QuerySet["Event"]):
    """Named queries over events."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's events in their order, with the stack each is about."""
        return self.filter(deployment=deployment).select_related("stack").order_by("seq")

    def after(self, seq: int) -> Self:
        """Keep those numbered above `seq`."""
        return self.filter(seq__gt=seq)

    def up_to(self, seq: int) -> Self:
        """Keep those numbered up to and including `seq`."""
        return self.filter(seq__lte=seq)

    def landmarks(self) -> Self:
        """Keep what a summary is made of: the portal's own steps, and failures."""
        return self.filter(models.Q(source="portal") | models.Q(status__endswith="_FAILED"))


class Event(models.Model):
    """One entry. Numbers are given under the deployment's row lock (`deployments.runner.journal`).

    `event_id` is CloudFormation's EventId, or `portal:…` for the portal's own entries, whose `code` and
    `values` the pages put into words.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    event_id = IdField(max_length=255)
    # SHA-256 of stack path and event id: CloudFormation's EventIds (`Logical-STATUS-time`) are unique within
    # a stack only, and two stacks do have a resource of one name that changes in the same millisecond.
    key = models.CharField(max_length=64, editable=False)
    source = models.CharField(max_length=20, choices=SOURCES)
    at = models.DateTimeField(_("time"))
    stack = models.ForeignKey(Stack, null=True, on_delete=models.SET_NULL, related_name="events")
    logical_id = models.CharField(_("logical id"), max_length=255, blank=True, default="")
    physical_id = models.TextField(_("physical id"), blank=True, default="")
    type = models.CharField(_("type"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    code = models.CharField(max_length=60, blank=True, default="")
    values = models.JSONField(default=dict, blank=True)

    objects = models.Manager.from_queryset(EventQuerySet)()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = (
            models.UniqueConstraint(fields=("deployment", "seq"), name="one_event_per_number"),
            models.UniqueConstraint(fields=("deployment", "key"), name="one_event_per_key"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.logical_id} {self.status or self.code}"

    def as_failure(self) -> Failure | None:
        """Return the failure that the event tells of, None when it is something else."""
        if self.source == "portal" or not is_failed(self.status):
            return None
        return Failure(
            path=self.stack.path if self.stack else "",
            logical_id=self.logical_id,
            type=self.type,
            status=self.status,
            reason=self.reason,
            at=self.at,
        )

    @staticmethod
    def key_for(path: str, event_id: str) -> str:
        """Return what tells an event from all others of its deployment."""
        return hashlib.sha256(f"{path}\n{event_id}".encode()).hexdigest()

    @property
    def message_words(self) -> str:
        """Return the message of one of the portal's own events in the reader's language."""
        return words(self.values.get("sentence") or {}, str(self.values.get("message") or ""))
