"""One three-tier environment: a name in an account, its root stack, and what is known of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deployments.models.account import Account
from deployments.models.fields import IdField

if TYPE_CHECKING:
    from deployments.models.deployment import Deployment


class EnvironmentQuerySet(models.QuerySet["Environment"]):
    """Named queries over environments."""

    def live(self) -> Self:
        """Keep those that have not been deleted."""
        return self.filter(deleted_at=None)

    def deleted(self) -> Self:
        """Keep those that are gone."""
        return self.exclude(deleted_at=None)

    def for_list(self) -> Self:
        """Everything the list shows, newest first, without a query a row."""
        return self.select_related("account", "owner", "latest").order_by("-created_at")

    def observed(self) -> Self:
        """Keep those whose stack is looked at now and then."""
        return self.filter(deleted_at=None).exclude(due_at=None)


class Environment(models.Model):
    """One root stack with its nested stacks.

    `live_key` is unique while the environment lives and NULL afterwards, so that a name can be used
    again; MySQL has no conditional unique constraints. It is lower case: `Staging` and `staging` in
    one account would be told apart by AWS but not by people.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="environments")
    name = models.CharField(_("name"), max_length=60)
    stack_name = models.CharField(_("stack name"), max_length=128)
    live_key = IdField(max_length=100, unique=True, null=True, editable=False)  # type: ignore[misc]
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    latest = models.ForeignKey(
        "deployments.Deployment", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    stack_id = IdField(_("stack id"), max_length=255, blank=True, default="")
    stack_status = models.CharField(_("stack status"), max_length=60, blank=True, default="")
    status_reason = models.TextField(blank=True, default="")
    outputs = models.JSONField(default=dict, blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    missing_since = models.DateTimeField(null=True, blank=True)
    observed_at = models.DateTimeField(null=True, blank=True)
    observe_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(EnvironmentQuerySet)()

    class Meta:
        ordering = ("-created_at",)
        verbose_name = _("environment")
        verbose_name_plural = _("environments")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the environment's page."""
        return reverse("environment", args=[self.pk])

    @staticmethod
    def key_for(account: Account, name: str) -> str:
        """Return the live key of a name in an account."""
        return f"{account.pk}:{name.lower()}"

    @property
    def url(self) -> str:
        """Return the address that visitors open, "" until the stack's outputs name one."""
        return next(
            (str(self.outputs[k]) for k in ("URL", "Url", "SiteURL", "ALBURL") if k in self.outputs), ""
        )

    @property
    def active_deployment(self) -> Deployment | None:
        """Return the deployment that is changing the environment now, if any."""
        return self.latest if self.latest and self.latest.is_active else None
