"""Notification targets, and the outbox: a row for each message to each target."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from deployments.access.models.grants import Label
from deployments.common.models.fields import IdField
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment, EnvironmentQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User

KINDS = [("webhook", _("Webhook")), ("mail", _("Email")), ("service", _("Chat or paging service"))]
STATES = [
    ("pending", _("Pending")),
    ("collected", _("In a digest")),
    ("sent", _("Sent")),
    ("failed", _("Given up")),
]


class NotificationTargetQuerySet(models.QuerySet["NotificationTarget"]):
    """Named queries over targets."""

    def visible_to(self, user: User, environments: EnvironmentQuerySet) -> Self:
        """Keep a person's own targets, first, and the shared ones that are not about a hidden environment."""
        shared = models.Q(owner=None) & (models.Q(environment=None) | models.Q(environment__in=environments))
        return self.filter(models.Q(owner=user) | shared).for_pages().order_by("-owner", "name", "pk")

    def matching(self, text: str) -> Self:
        """Keep those that a search finds by name, address, account and environment, or by key=value."""
        key, equals, value = text.strip().partition("=")
        if equals:
            return self.filter(label_key=key.strip(), label_value=value.strip())
        found = models.Q(name__icontains=key) | models.Q(hint__icontains=key)
        found |= models.Q(account__name__icontains=key) | models.Q(environment__name__icontains=key)
        return self.filter(found | models.Q(label_value__icontains=key))

    def for_pages(self) -> Self:
        """Select everything of the rows that pages show."""
        return self.select_related("owner", "account", "environment")

    def others_of(self, target: NotificationTarget) -> Self:
        """Keep the other enabled targets of a target's owner, or of the user who added a shared one."""
        owner = target.owner or target.created_by
        return self.filter(owner=owner, enabled=True).exclude(pk=target.pk).exclude(owner=None)

    def shared_labels(self) -> frozenset[tuple[str, str]]:
        """Return the labels of shared targets: removing one from an environment ends notifications of it."""
        rows = self.filter(owner=None, enabled=True).exclude(label_key="")
        return frozenset(rows.order_by().values_list("label_key", "label_value"))

    def for_environment(self, environment: Environment) -> Self:
        """Keep the enabled ones that are notified about an environment, owned by people who may log in."""
        about = models.Q(account=None, environment=None, label_key="")
        about |= models.Q(account=environment.account_id) | models.Q(environment=environment.pk)
        for label in environment.labels.all():
            about |= models.Q(label_key=label.key, label_value=label.value)
        active = models.Q(owner=None) | models.Q(owner__is_active=True)
        return self.filter(about, active, enabled=True).select_related("owner").order_by("pk")


class NotificationTarget(models.Model):
    """A target of notifications: a person's own (`owner`), or a shared one.

    It is notified about one environment, those of one account or with one label, or all. The address is
    encrypted, since it may contain a token; `hint` is the part of it that is displayed. `sealed_secret` signs
    webhooks.
    """

    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=KINDS)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    sealed_address = models.TextField(editable=False)
    hint = models.CharField(_("address"), max_length=255)
    sealed_secret = models.TextField(blank=True, default="", editable=False)
    # Until this time, webhooks are also signed with the previous secret.
    before_until = models.DateTimeField(null=True, blank=True, editable=False)
    topics = models.JSONField(_("topics"), default=list)
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("account")
    )
    environment = models.ForeignKey(
        Environment,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("environment"),
    )
    label_key = IdField(_("key"), max_length=Label.MAX_KEY, blank=True, default="", db_default="")
    label_value = IdField(_("value"), max_length=Label.MAX_VALUE, blank=True, default="", db_default="")
    # Messages are written in this language, with times in this zone.
    language = models.CharField(_("language"), max_length=10)
    time_zone = models.CharField(_("time zone"), max_length=64)
    enabled = models.BooleanField(_("enabled"), default=True)
    disabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Why it was disabled, a message as JSON; {} if somebody disabled it.
    disabled_reason = models.JSONField(default=dict, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    objects = models.Manager.from_queryset(NotificationTargetQuerySet)()

    class Meta:
        ordering = ("name", "pk")
        verbose_name = _("notification target")
        verbose_name_plural = _("notification targets")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page of the target."""
        return reverse("notification", args=[self.pk])

    @property
    def label(self) -> str:
        """Return the label of the environments that it is about as key=value; "" without a label."""
        return f"{self.label_key}={self.label_value}" if self.label_key else ""

    @property
    def is_shared(self) -> bool:
        """Return whether it is shared."""
        return self.owner_id is None


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Named queries over the outbox."""

    def pending(self) -> Self:
        """Keep those that must be sent."""
        return self.filter(state="pending")

    def not_begun(self) -> Self:
        """Keep those that no worker has begun to send, and that are in no digest yet."""
        return self.filter(state__in=("pending", "collected"), version=0, attempts=0, digest=None)

    def of(self, target: NotificationTarget) -> Self:
        """Keep those of one target, newest first."""
        return self.filter(target=target).select_related("environment").order_by("-pk")

    def recent(self, target: NotificationTarget, since: datetime) -> Self:
        """Keep those written to a target about events since a time."""
        return self.filter(target=target, created_at__gte=since).exclude(topic__in=("test", "digest"))

    def to_collect(self, target: NotificationTarget) -> Self:
        """Keep those that wait for the next digest of a target."""
        return self.filter(target=target, state="collected", digest=None).order_by("pk")

    def ended_before(self, moment: datetime) -> Self:
        """Keep those that ended before a time."""
        return self.filter(ended_at__lt=moment)


class Delivery(models.Model):
    """One message to one target: written in the transaction of its cause, sent by a worker at least once.

    `key` identifies its cause, so that it is written once per target. `payload` has codes and values, no
    texts and no secrets. Receivers recognize a repeated message by `message_id`, the same in each attempt.

    If there are too many, rows are collected for the `digest` of their target: `open_key` is the target's key
    until the digest is first sent, and NULL afterwards.
    """

    target = models.ForeignKey(NotificationTarget, on_delete=models.CASCADE, related_name="deliveries")
    key = IdField(max_length=100)
    message_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    topic = models.CharField(_("topic"), max_length=40)
    environment = models.ForeignKey(Environment, null=True, on_delete=models.SET_NULL, related_name="+")
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="+")
    payload = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=STATES, default="pending")
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("time"))
    # When somebody requested a resend after it was given up.
    retried_at = models.DateTimeField(null=True)
    attempted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True, db_index=True)
    # The last attempt: the response's status, its duration, and the reason of a failure (a message as JSON).
    status = models.PositiveSmallIntegerField(_("response"), null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    error_sentence = models.JSONField(default=dict)
    digest = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="+")
    open_key = models.PositiveBigIntegerField(unique=True, null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    version = models.PositiveIntegerField(default=0)

    objects = models.Manager.from_queryset(DeliveryQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = (
            models.UniqueConstraint(fields=("target", "key"), name="one_delivery_per_target_and_event"),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.state}"


class NoticeState(models.Model):
    """The last observed state of a subject that is notified when it changes, by its `key`."""

    key = IdField(max_length=60, unique=True)
    values = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        verbose_name = _("state of a notification")
        verbose_name_plural = _("states of notifications")

    def __str__(self) -> str:
        return self.key
