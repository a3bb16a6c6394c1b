"""The runs of first contacts and their steps: questions, what AWS answered, and what is left."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models

from deployments.environments.models.accounts import Account

RUNNING, CLEANING, FINISHED = "running", "cleaning", "finished"
RUN_STATES = [(RUNNING, "In progress"), (CLEANING, "Cleaning up"), (FINISHED, "Finished")]
WAITING, ACTIVE, DONE, FAILED, NOT_RUN = "waiting", "active", "done", "failed", "not_run"
STEP_STATES = [
    (WAITING, "Waiting"),
    (ACTIVE, "In progress"),
    (DONE, "Succeeded"),
    (FAILED, "Failed"),
    (NOT_RUN, "Not run"),
]


class ContactRunQuerySet(models.QuerySet["ContactRun"]):
    """Named queries over runs."""

    def of(self, account: Account) -> Self:
        """Keep those of an account, newest first."""
        return self.filter(account=account).order_by("-pk")

    def unfinished(self, account: Account) -> ContactRun | None:
        """Return the run of an account that has not cleaned up, None if there is none."""
        return self.filter(active_key=account.pk).first()


class ContactRun(models.Model):
    """One run of the command, whose tag everything has that it creates.

    `process` is the process that works on it, which was seen at `seen_at`: another one continues a run whose
    process has ended. `left` is what may still exist, None until the clean-up has looked.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="contact_runs")
    # The key of the account until everything is cleaned up: one run at a time.
    active_key = models.PositiveBigIntegerField(null=True, unique=True)
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

    objects = models.Manager.from_queryset(ContactRunQuerySet)()

    def __str__(self) -> str:
        return f"{self.account_id} {self.tag} {self.state}"

    def seen(self, now: datetime) -> None:
        """Store that the process works on the run."""
        self.seen_at = now
        ContactRun.objects.filter(pk=self.pk).update(seen_at=now)


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
