"""A deployment's log: CloudFormation's stack events and the portal's own steps, numbered without a gap."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import models
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from deployments.core.root_cause import Failure
from deployments.core.status import CANCELLED_REASONS, FAILED, is_failed
from deployments.models.deployment import Deployment
from deployments.models.fields import IdField
from deployments.models.stack import Stack

SOURCES = [("cloudformation", "CloudFormation"), ("portal", "Sanso")]


class Plain(NamedTuple):
    """What an event says, and the path and name of the stack that told it, if any did."""

    seq: int
    at: datetime
    source: str
    path: str | None
    stack: str | None
    logical_id: str
    type: str
    status: str
    reason: str
    physical_id: str
    code: str
    values: dict[str, Any]


_PLAIN = tuple({"path": "stack__path", "stack": "stack__name"}.get(name, name) for name in Plain._fields)


class EventQuerySet(models.QuerySet["Event"]):
    """Named queries over events."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's events in their order, with the names of the stack each is about."""
        found = self.filter(deployment=deployment).select_related("stack").order_by("seq")
        return found.defer("stack__changes", "stack__polling")

    def after(self, seq: int) -> Self:
        """Keep those numbered above `seq`."""
        return self.filter(seq__gt=seq)

    def up_to(self, seq: int) -> Self:
        """Keep those numbered up to and including `seq`."""
        return self.filter(seq__lte=seq)

    def before(self, seq: int) -> Self:
        """Keep those numbered below `seq`."""
        return self.filter(seq__lt=seq)

    def numbered(self, seqs: Iterable[int]) -> Self:
        """Keep those with these numbers."""
        return self.filter(seq__in=list(seqs))

    def firsts(self) -> Self:
        """Leave out what only says again what another event said."""
        return self.filter(repeat_of=0)

    def repeats_of(self, seqs: Iterable[int]) -> Self:
        """Keep what says again what the events with these numbers said."""
        return self.filter(repeat_of__in=list(seqs))

    def told_by(self, source: str) -> Self:
        """Keep what one source told: CloudFormation, or the portal itself.

        Only the portal's own events have no status word, and there is an index of those.
        """
        found = self.filter(source=source)
        return found.filter(status="") if source == "portal" else found

    def about_type(self, type_: str) -> Self:
        """Keep what is about resources of one type."""
        return self.filter(type=type_)

    def within(self, stacks: Iterable[int], parent: int | None = None, logical_id: str = "") -> Self:
        """Keep what is about resources in the stacks with these keys, or about `logical_id` in `parent`.

        The second is how a parent tells of a nested stack.
        """
        told = models.Q(stack__in=list(stacks))
        return self.filter(told | models.Q(stack=parent, logical_id=logical_id) if parent else told)

    def about(self, within: str | None, logical_id: str, *, own: str | None) -> Self:
        """Keep what the stack at the path `within` tells of a logical id.

        So does what the stack at the path `own` tells of itself.
        """
        told = models.Q(stack__path=own, physical_id=models.F("stack__stack_id"))
        if within is None:
            return self.filter(told)
        by_parent = models.Q(stack__path=within, logical_id=logical_id)
        return self.filter(by_parent if own is None else by_parent | told)

    def with_status(self, words: Iterable[str]) -> Self:
        """Keep the events with one of these status words."""
        return self.filter(status__in=list(words))

    def cancelled(self, yes: bool) -> Self:
        """Keep failures that are collateral, or leave them out."""
        reasons = models.Q()
        for reason in CANCELLED_REASONS:
            reasons |= models.Q(reason__startswith=reason)
        collateral = models.Q(status__in=FAILED) & reasons
        return self.filter(collateral) if yes else self.exclude(collateral)

    def problems(self) -> Self:
        """Keep failures that are not collateral, calls for attention, and an end that is no success."""
        told = models.Q(code="attention") | models.Q(code="ended") & ~models.Q(values__state="succeeded")
        return self.landmarks().filter(models.Q(status__in=FAILED) | told).cancelled(False)

    def saying(self, text: str, *, stacks: Iterable[int] = (), numbers: Iterable[int] = ()) -> Self:
        """Keep what has the text in a name, id, type, status or reason.

        So does what is told of in the stacks with these keys, or has one of these numbers: paths and the
        portal's own sentences are looked through by who asks.
        """
        found = models.Q(stack__in=list(stacks)) | models.Q(seq__in=list(numbers))
        for field in ("logical_id", "physical_id", "type", "status", "reason"):
            found |= models.Q(**{f"{field}__icontains": text})
        return self.filter(found)

    def telling(self, failure: Failure) -> Self:
        """Keep the event that tells of a failure."""
        return self.filter(
            stack__path=failure.path, logical_id=failure.logical_id, status=failure.status, at=failure.at
        )

    def latest_of(self, stacks: Iterable[int], logical_ids: Iterable[str]) -> list[int]:
        """Return the numbers of the last events that these stacks told of each of these logical ids."""
        told = self.filter(stack__in=list(stacks), logical_id__in=list(logical_ids)).order_by()
        return list(
            told.values("stack", "logical_id").annotate(latest=Max("seq")).values_list("latest", flat=True)
        )

    def landmarks(self) -> Self:
        """Keep what a summary is made of: the portal's own steps, and failures."""
        return self.filter(status__in=["", *FAILED])  # only the portal's own have no status word

    def plain(self) -> Iterator[Plain]:
        """Read plain values instead of events, for who reads very many: no object is made of a row."""
        return map(Plain._make, self.values_list(*_PLAIN))


class Event(models.Model):
    """One entry. Numbers are given under the deployment's row lock (`deployments.runner.event_log`).

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
    logical_id = models.CharField(_("logical ID"), max_length=255, blank=True, default="")
    physical_id = models.TextField(_("physical ID"), blank=True, default="")
    type = models.CharField(_("type"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    # The number of the first event that said the same of the same resource (`deployments.core.repeats`).
    repeat_of = models.PositiveIntegerField(default=0)
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
        indexes = (
            models.Index(fields=("deployment", "repeat_of"), name="event_repeats"),
            models.Index(fields=("deployment", "status"), name="event_statuses"),
            models.Index(fields=("stack", "logical_id"), name="event_of_a_resource"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.logical_id} {self.status or self.code}"

    def as_failure(self) -> Failure | None:
        """Return the failure that the event tells of, None if it is something else."""
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

    @property
    def subject(self) -> str:
        """Return the path of what the event is about: a stack's own events are about it, as its parent's."""
        path = self.stack.path if self.stack else ""
        if self.stack and self.physical_id and self.physical_id == self.stack.stack_id:
            return str(path)
        return f"{path}/{self.logical_id}".lstrip("/")

    @staticmethod
    def key_for(path: str, event_id: str) -> str:
        """Return what tells an event from all others of its deployment."""
        return hashlib.sha256(f"{path}\n{event_id}".encode()).hexdigest()
