"""When each source is polled next, and the problem of its last poll."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.observers import KINDS

_LABELS = {
    "stack": _("Stack"),
    "targets": _("Targets"),
    "associations": _("Associations"),
    "fleet": _("Fleet"),
    "database": _("Database"),
    "backups": _("Backups"),
    "maintenance": _("Maintenance"),
    "metrics": _("Metrics"),
    "site": _("Site"),
}
CHOICES = [(key, _LABELS[key]) for key in KINDS]


class Observer(models.Model):
    """The due row of one account and source: its step polls all environments of the account that are due.

    There is one row per source, so that a stalled source does not delay the others.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="observers")
    source = models.CharField(_("source"), max_length=20, choices=CHOICES)
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "source"), name="one_observer_per_source"),)

    def __str__(self) -> str:
        return f"{self.source} {self.account_id}"


class ObservationQuerySet(models.QuerySet["Observation"]):
    """Named queries over observations."""

    def sooner_than(self, at: datetime) -> int:
        """Make those that are due later due at this time. Return their number."""
        return self.filter(due_at__gt=at).update(due_at=at)

    def of(self, environment: Environment) -> Self:
        """Keep one environment's."""
        return self.filter(environment=environment)

    def of_observer(self, observer: Observer) -> Self:
        """Keep those that one observer polls."""
        rows = self.filter(environment__account=observer.account_id, source=observer.source)
        return rows.filter(environment__deleted_at=None)

    def due(self, now: datetime) -> Self:
        """Keep those that are due, environments with an open page first."""
        rows = self.filter(due_at__lte=now).select_related("environment__latest")
        return rows.annotate(
            watched=models.Case(
                models.When(environment__watched_until__gt=now, then=1),
                default=0,
                output_field=models.IntegerField(),
            )
        ).order_by("-watched", "due_at", "pk")


def poll_soon(environment: Environment, source: str, now: datetime) -> None:
    """Make a source of an environment due at once."""
    Observation.objects.of(environment).filter(source=source).sooner_than(now)
    observers = Observer.objects.filter(account=environment.account_id, source=source)
    observers.filter(due_at__gt=now).update(due_at=now)


class Observation(models.Model):
    """One source of one environment. `observed_at` is the time of its last successful poll.

    `problem_code` is "" if the last poll succeeded; else `problem_sentence` is the message of the problem.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="observations")
    source = models.CharField(_("source"), max_length=20, choices=CHOICES)
    observed_at = models.DateTimeField(_("observed"), null=True, blank=True)
    attempted_at = models.DateTimeField(_("last attempt"), null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    problem_code = models.CharField(_("problem"), max_length=80, blank=True, default="")
    problem_sentence = models.JSONField(default=dict, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = models.Manager.from_queryset(ObservationQuerySet)()

    class Meta:
        verbose_name = _("observation")
        verbose_name_plural = _("observations")
        constraints = (
            models.UniqueConstraint(fields=("environment", "source"), name="one_observation_per_source"),
        )

    def __str__(self) -> str:
        return f"{self.source} {self.environment_id}"
