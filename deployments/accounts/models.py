"""The test of an account's connection: at most one row per account, with the result of the last test."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Self

from django.conf import settings
from django.db import models

from deployments.accounts.rules.connection import ATTENTION
from deployments.environments.models.accounts import Account

QUEUED, RUNNING, FINISHED = "queued", "running", "finished"
STATES = [(QUEUED, "Queued"), (RUNNING, "In progress"), (FINISHED, "Finished")]
RESULTS = [("ok", "Connected"), ("warning", "Warning"), ("problem", "Failed")]


class ConnectionTestQuerySet(models.QuerySet["ConnectionTest"]):
    """Named queries over tests."""

    def active(self) -> Self:
        """Keep those that have not finished."""
        return self.filter(state__in=(QUEUED, RUNNING)).select_related("account")

    def of(self, account: Account) -> Self:
        """Keep the test of an account."""
        return self.filter(account=account)

    def needing_attention(self) -> Self:
        """Keep those whose last result is a problem or a warning: problems first, then by the account."""
        rows = self.filter(result__in=ATTENTION).select_related("account")
        return rows.order_by("result", "account__name")  # "problem" is before "warning"

    def failed_in(self, account_keys: Collection[int]) -> set[int]:
        """Return the keys of those accounts whose last result is a problem."""
        rows = self.filter(result="problem", account__in=account_keys)
        return set(rows.values_list("account", flat=True))

    def about(self, accounts: Iterable[Account]) -> Self:
        """Keep those of some accounts."""
        return self.filter(account__in=list(accounts))

    def by_account(self) -> dict[int, ConnectionTest]:
        """Return the tests by the key of their account."""
        return {one.account_id: one for one in self}


class ConnectionTest(models.Model):
    """The test of an account, and the result of the last one, which stays while the next is in progress.

    `facts` is what AWS answered so far, `done` the number of simulations that are in it, out of `planned`.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="connection_test")
    state = models.CharField(max_length=10, choices=STATES, default=QUEUED)
    # None: a daily test.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    facts = models.JSONField(default=dict, blank=True)
    planned = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    result = models.CharField(max_length=10, choices=RESULTS, default="", blank=True)
    findings = models.JSONField(default=list, blank=True)
    account_number = models.CharField(max_length=12, default="", blank=True)
    tested_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(ConnectionTestQuerySet)()

    def __str__(self) -> str:
        return f"{self.account_id} {self.state} {self.result}"

    @property
    def is_running(self) -> bool:
        """Return whether the test has not finished."""
        return self.state != FINISHED
