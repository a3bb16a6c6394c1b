"""The runs of first contacts and their steps: questions, what AWS answered, and what is left."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models

from deployments.environments.models.accounts import Account

QUEUED, RUNNING, CLEANING, FINISHED = "queued", "running", "cleaning", "finished"
RUN_STATES = [
    (QUEUED, "Queued"),
    (RUNNING, "In progress"),
    (CLEANING, "Cleaning up"),
    (FINISHED, "Finished"),
]
WAITING, ACTIVE, DONE, FAILED, CANCELED, NOT_RUN = (
    *("waiting", "active", "done", "failed", "canceled", "not_run"),
)
STEP_STATES = [
    (WAITING, "Waiting"),
    (ACTIVE, "In progress"),
    (DONE, "Succeeded"),
    (FAILED, "Failed"),
    (CANCELED, "Canceled"),
    (NOT_RUN, "Not run"),
]
BY_SIGNAL, BY_CANCEL = "signal", "cancel"
"""What ended the steps of a run before their end: Ctrl-C, or a request to cancel it."""


class ContactRunQuerySet(models.QuerySet["ContactRun"]):
    """Named queries over runs."""

    def of(self, account: Account) -> Self:
        """Keep those of an account, newest first."""
        return self.filter(account=account).order_by("-pk")

    def active(self) -> Self:
        """Keep those that have not finished: a process works on them, or is to continue them."""
        return self.exclude(state=FINISHED).select_related("account")

    def at_work(self, now: datetime) -> Self:
        """Keep those that a process works on."""
        return self.filter(state__in=(RUNNING, CLEANING), due_at__gt=now).exclude(process="")

    def unfinished(self, account: Account) -> ContactRun | None:
        """Return the run of an account that has not cleaned up, None if there is none."""
        return self.filter(active_key=account.pk).first()


class ContactRun(models.Model):
    """One run, whose tag everything has that it creates.

    `process` is the process that works on it, which was seen at `seen_at`; "" while it is queued. Every
    process that takes it over increments `version`, and the one before does nothing more with it. It keeps
    `due_at` ahead: if it dies, the run is due, and a worker continues it. `left` is what may still exist,
    None until the clean-up has looked.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="contact_runs")
    # The key of the account until everything is cleaned up: one run at a time.
    active_key = models.PositiveBigIntegerField(null=True, unique=True)
    # A username; "" is the command on the portal's machine.
    requested_by = models.CharField(max_length=150, default="", blank=True)
    tag = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=10, choices=RUN_STATES, default=RUNNING)
    account_number = models.CharField(max_length=12, default="", blank=True)
    bucket = models.CharField(max_length=63, default="", blank=True)
    stopped_by = models.CharField(max_length=40, default="", blank=True)
    left = models.JSONField(null=True)
    process = models.CharField(max_length=200, default="", blank=True)
    seen_at = models.DateTimeField()
    began_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(ContactRunQuerySet)()

    def __str__(self) -> str:
        return f"{self.account_id} {self.tag} {self.state}"

    @property
    def is_active(self) -> bool:
        """Return whether it has not finished."""
        return self.state != FINISHED


class ContactStep(models.Model):
    """One step of a run. `calls` are the compressed lines of its AWS call log, without secrets."""

    run = models.ForeignKey(ContactRun, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=STEP_STATES, default=WAITING)
    answers = models.JSONField(default=list, blank=True)
    calls = models.BinaryField(default=b"")
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
