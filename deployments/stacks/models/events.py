"""A deployment's event log: CloudFormation's stack events and the portal's own, numbered without gaps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import models
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import CANCELLED_REASONS, FAILED, is_failed
from deployments.common.models.fields import IdField
from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.stacks import Stack

SOURCES = [("cloudformation", "CloudFormation"), ("portal", "Sanso")]


class EventValues(NamedTuple):
    """The values of an event, with the path and name of its stack; both None for the portal's own events."""

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


_COLUMNS = tuple(
    {"path": "stack__path", "stack": "stack__name"}.get(name, name) for name in EventValues._fields
)


class EventQuerySet(models.QuerySet["Event"]):
    """Named queries over events."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's events in their order, with their stacks."""
        found = self.filter(deployment=deployment).select_related("stack").order_by("seq")
        return found.defer("stack__changes", "stack__polling")

    def phases(self) -> Self:
        """Keep the beginnings of phases."""
        return self.filter(source="portal", code="phase")

    def after(self, seq: int) -> Self:
        """Keep those with numbers above `seq`."""
        return self.filter(seq__gt=seq)

    def up_to(self, seq: int) -> Self:
        """Keep those with numbers up to and including `seq`."""
        return self.filter(seq__lte=seq)

    def updated_ids(self, deployment: Deployment) -> dict[str, set[str]]:
        """Return the physical ids that each resource of a deployment had once it was updated, by its path."""
        found: dict[str, set[str]] = {}
        rows = self.filter(deployment=deployment, status="UPDATE_COMPLETE", stack__isnull=False)
        for path, name, id_ in rows.values_list("stack__path", "logical_id", "physical_id").order_by("seq"):
            found.setdefault(f"{path}/{name}".lstrip("/"), set()).add(id_)
        return found

    def in_time(self) -> Self:
        """Order by time, then by number: events arrive in a different order."""
        return self.order_by("at", "seq")

    def earlier_than(self, event: Event) -> Self:
        """Keep those before an event in the order of time."""
        return self.filter(at__lte=event.at).filter(models.Q(at__lt=event.at) | models.Q(seq__lt=event.seq))

    def later_than(self, event: Event) -> Self:
        """Keep those after an event in the order of time."""
        return self.filter(at__gte=event.at).filter(models.Q(at__gt=event.at) | models.Q(seq__gt=event.seq))

    def numbered(self, seqs: Iterable[int]) -> Self:
        """Keep those with these numbers."""
        return self.filter(seq__in=list(seqs))

    def firsts(self) -> Self:
        """Leave out events that repeat another one."""
        return self.filter(repeat_of=0)

    def repeats_of(self, seqs: Iterable[int]) -> Self:
        """Keep the events that repeat those with these numbers."""
        return self.filter(repeat_of__in=list(seqs))

    def from_source(self, source: str) -> Self:
        """Keep the events of one source: CloudFormation, or the portal itself.

        Only the portal's own events have no status, and there is an index on the status.
        """
        found = self.filter(source=source)
        return found.filter(status="") if source == "portal" else found

    def about_type(self, type_: str) -> Self:
        """Keep the events of resources of one type."""
        return self.filter(type=type_)

    def within(self, stacks: Iterable[int], parent: int | None = None, logical_id: str = "") -> Self:
        """Keep the events of the stacks with these keys, and those of `logical_id` in `parent`.

        The latter are a parent's events of a nested stack.
        """
        own = models.Q(stack__in=list(stacks))
        return self.filter(own | models.Q(stack=parent, logical_id=logical_id) if parent else own)

    def about(self, within: str | None, logical_id: str, *, own: str | None) -> Self:
        """Keep the events of a logical id in the stack at the path `within`.

        With `own`, also keep the events that the stack at that path has about itself.
        """
        of_itself = models.Q(stack__path=own, physical_id=models.F("stack__stack_id"))
        if within is None:
            return self.filter(of_itself)
        by_parent = models.Q(stack__path=within, logical_id=logical_id)
        return self.filter(by_parent if own is None else by_parent | of_itself)

    def with_code(self, *codes: str) -> Self:
        """Keep the portal's own events with one of the codes, the oldest first."""
        return self.filter(source="portal", code__in=codes).order_by("seq")

    def with_status(self, statuses: Iterable[str]) -> Self:
        """Keep the events with one of these statuses."""
        return self.filter(status__in=list(statuses))

    def cancelled(self, yes: bool) -> Self:
        """Keep only failures that were canceled as a result of another one, or leave them out."""
        reasons = models.Q()
        for reason in CANCELLED_REASONS:
            reasons |= models.Q(reason__startswith=reason)
        collateral = models.Q(status__in=FAILED) & reasons
        return self.filter(collateral) if yes else self.exclude(collateral)

    def problems(self) -> Self:
        """Keep independent failures, reports that need attention, and an end without success."""
        own = models.Q(code="attention") | models.Q(code="ended") & ~models.Q(values__state="succeeded")
        return self.landmarks().filter(models.Q(status__in=FAILED) | own).cancelled(False)

    def containing(self, text: str, *, stacks: Iterable[int] = (), numbers: Iterable[int] = ()) -> Self:
        """Keep events with the text in a name, id, type, status or reason.

        Also keep events of the stacks with these keys, and events with these numbers: the caller searches the
        paths and the texts of the portal's own events.
        """
        found = models.Q(stack__in=list(stacks)) | models.Q(seq__in=list(numbers))
        for field in ("logical_id", "physical_id", "type", "status", "reason"):
            found |= models.Q(**{f"{field}__icontains": text})
        return self.filter(found)

    def of_failure(self, failure: Failure) -> Self:
        """Keep the event of a failure."""
        return self.filter(
            stack__path=failure.path, logical_id=failure.logical_id, status=failure.status, at=failure.at
        )

    def latest_of(self, stacks: Iterable[int], logical_ids: Iterable[str]) -> list[int]:
        """Return the numbers of the last events of each of these logical ids in each of these stacks."""
        rows = self.filter(stack__in=list(stacks), logical_id__in=list(logical_ids)).order_by()
        return list(
            rows.values("stack", "logical_id").annotate(latest=Max("seq")).values_list("latest", flat=True)
        )

    def landmarks(self) -> Self:
        """Keep the events of a summary: the portal's own, and failures."""
        return self.filter(status__in=["", *FAILED])  # only the portal's own have no status

    def start_of(self, failure: Failure) -> datetime | None:
        """Return when the failed operation was started on its resource; None if no event has this."""
        operation = failure.status.removesuffix("_FAILED")
        events = self.filter(
            stack__path=failure.path,
            logical_id=failure.logical_id,
            status=f"{operation}_IN_PROGRESS",
            at__lte=failure.at,
        )
        return events.order_by("at").values_list("at", flat=True).first()

    def plain(self) -> Iterator[EventValues]:
        """Yield plain values instead of model instances, which is faster for very many events."""
        return map(EventValues._make, self.values_list(*_COLUMNS))


def failures_by_row(events: Iterable[Event]) -> dict[str, list[Failure]]:
    """Return the failures in the events, by the path of their row."""
    found: dict[str, list[Failure]] = {}
    for event in events:
        if failure := event.as_failure():
            found.setdefault(event.subject, []).append(failure)
    return found


class Event(models.Model):
    """One event. It gets its number under the deployment's row lock (`deployments.stacks.shared.event_log`).

    `event_id` is CloudFormation's EventId, or `portal:…` for the portal's own events; pages render their
    `code` and `values` as a text.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    event_id = IdField(max_length=255)
    # SHA-256 of stack path and event id: CloudFormation's EventIds (`Logical-STATUS-time`) are only unique
    # within a stack, and resources of the same name in two stacks can change in the same millisecond.
    key = models.CharField(max_length=64, editable=False)
    source = models.CharField(max_length=20, choices=SOURCES)
    at = models.DateTimeField(_("time"))
    stack = models.ForeignKey(Stack, null=True, on_delete=models.SET_NULL, related_name="events")
    logical_id = models.CharField(_("logical ID"), max_length=255, blank=True, default="")
    physical_id = models.TextField(_("physical ID"), blank=True, default="")
    type = models.CharField(_("type"), max_length=255, blank=True, default="")
    status = models.CharField(_("status"), max_length=60, blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    # The number of the event that this one repeats, 0 if none (`deployments.stacks.rules.resource_state`).
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
            models.Index(fields=("deployment", "at", "seq"), name="events_in_time"),
            models.Index(fields=("stack", "logical_id"), name="event_of_a_resource"),
        )

    def __str__(self) -> str:
        return f"{self.seq} {self.logical_id} {self.status or self.code}"

    def as_failure(self) -> Failure | None:
        """Return the event as a failure; None if it is not one."""
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
        """Return the path of the resource. A stack's own events have its path, like those of its parent."""
        path = self.stack.path if self.stack else ""
        if self.stack and self.physical_id and self.physical_id == self.stack.stack_id:
            return str(path)
        return f"{path}/{self.logical_id}".lstrip("/")

    @staticmethod
    def key_for(path: str, event_id: str) -> str:
        """Return an event's unique key in its deployment."""
        return hashlib.sha256(f"{path}\n{event_id}".encode()).hexdigest()
