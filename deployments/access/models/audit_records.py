"""Audit records of requests and refusals, with the person and the permission: rows are only added.

Each is chained to the previous one (`deployments/audit/steps/chain.py`), which reveals changes and gaps.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.access.rules.audit_chain import FIRST, ChainRecord
from deployments.access.rules.audit_sizes import fitted, limited
from deployments.common import request_context
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User

OUTCOMES = [("requested", _("Requested")), ("refused", _("Refused"))]
BY = [
    ("", _("Not recorded")),
    (request_context.SESSION, _("Session")),
    (request_context.TOKEN, _("API token")),
    (request_context.SCHEDULE, _("Schedule")),
    (request_context.WEBHOOK, _("Webhook")),
    (request_context.COMMAND, _("Command line")),
]
JSON_COLUMNS = frozenset({"refusal", "details", "before", "after"})
_UNCHANGEABLE = "audit records are not changed"
CHAINED = (
    *("id", "user_id", "username", "by", "by_id", "address", "request_id", "action", "permission", "outcome"),
    *("reason", "refusal", "name", "account_id", "environment_id", "deployment_id", "details"),
    *("before", "after"),
)
"""The columns that the hash covers, besides the time and the number."""


class AuditRecordQuerySet(models.QuerySet["AuditRecord"]):
    """Audit records. They are only added and read."""

    def write(
        self, *, action: str, user: User | None = None, name: str = "", reason: str = "", **values: Any
    ) -> AuditRecord:
        """Add a record with the request's session or token and address. `user` is None without a person.

        It belongs in the transaction of what it records. What is too long is cut, with a mark that says so
        (`deployments.access.rules.audit_sizes`).
        """
        by = request_context.current()
        given = {"by": by.by, "by_id": by.id, "address": by.address, "request_id": by.request_id}
        columns = {"outcome": "requested", "permission": "", **given, **values}
        is_refused = columns["outcome"] == "refused"
        for column in JSON_COLUMNS & columns.keys():
            columns[column] = limited(columns[column], refused=is_refused)
        return self.create(
            action=action,
            user=user,
            username=user.get_username() if user else "",
            name=fitted(name, AuditRecord.MAX_NAME),
            reason=fitted(reason, AuditRecord.MAX_REASON),
            **columns,
        )

    def update(self, **values: Any) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(_UNCHANGEABLE)

    def delete(self) -> NoReturn:
        """Raise TypeError: only the retention removes records (`deployments/audit/steps/retention.py`)."""
        raise TypeError(_UNCHANGEABLE)

    def before(self, pk: int) -> AuditRecordQuerySet:
        """Return those before the one with this key, newest first, with their users; all for 0."""
        rows = self.select_related("user").order_by("-pk")
        return rows.filter(pk__lt=pk) if pk else rows

    def unchained(self) -> AuditRecordQuerySet:
        """Return those that are not in the chain yet, oldest first."""
        return self.filter(seq=None).order_by("pk")

    def for_list(self) -> AuditRecordQuerySet:
        """Return them newest first, with the columns that a list displays."""
        return self.select_related("user", "account", "environment", "deployment").order_by("-pk")

    def of_user(self, user_pk: int) -> AuditRecordQuerySet:
        """Keep those of a user."""
        return self.filter(user=user_pk)

    def of_person(self, name: str) -> AuditRecordQuerySet:
        """Keep those of the person who has this name or had it at that time."""
        return self.filter(models.Q(user__username__iexact=name) | models.Q(username__iexact=name))

    def with_action(self, action: str) -> AuditRecordQuerySet:
        """Keep those of an action."""
        return self.filter(action=action)

    def with_outcome(self, outcome: str) -> AuditRecordQuerySet:
        """Keep those that were accepted, or refused."""
        return self.filter(outcome=outcome)

    def about_environment(self, pk: int, name: str) -> AuditRecordQuerySet:
        """Keep those about the environment with this key, or environments and others of this name."""
        return self.filter(models.Q(environment=pk) | models.Q(name__iexact=name))

    def of_environments(self, environments: models.QuerySet[Environment]) -> AuditRecordQuerySet:
        """Keep those about these environments."""
        return self.filter(environment__in=environments)

    def in_account(self, pk: int) -> AuditRecordQuerySet:
        """Keep those about an account."""
        return self.filter(account=pk)

    def of_source(self, pk: int) -> AuditRecordQuerySet:
        """Keep those about environments with a version of a template set."""
        return self.of_environments(Environment.objects.of_source(pk))

    def with_label(self, key: str, value: str) -> AuditRecordQuerySet:
        """Keep those about environments with a label."""
        return self.of_environments(Environment.objects.with_label(key, value))

    def requested_by(self, by: str) -> AuditRecordQuerySet:
        """Keep those that were requested by a session, a token, …"""
        return self.filter(by=by)

    def failed_logins(self, address: str, since: datetime) -> AuditRecordQuerySet:
        """Keep the failed logins from an address since a time."""
        return self.filter(action="sign_in_failed", address=address, at__gte=since)

    def request_of(self, deployment_pk: int) -> str:
        """Return the id of the last accepted request about a deployment; "" if there is none."""
        rows = self.filter(deployment=deployment_pk, outcome="requested").order_by("-pk")
        return rows.values_list("request_id", flat=True).first() or ""

    def since(self, moment: datetime) -> AuditRecordQuerySet:
        """Keep those from a time on."""
        return self.filter(at__gte=moment)

    def until(self, moment: datetime) -> AuditRecordQuerySet:
        """Keep those before a time."""
        return self.filter(at__lt=moment)

    def containing(self, text: str) -> AuditRecordQuerySet:
        """Keep those whose name, reason or person contains a text, or whose environment a search finds."""
        found = models.Q(name__icontains=text) | models.Q(reason__icontains=text)
        found |= models.Q(username__icontains=text)
        return self.filter(found | models.Q(environment__in=Environment.objects.matching(text).values("pk")))

    def hashes_at(self, numbers: Collection[int]) -> dict[int, str]:
        """Return the hashes at numbers of the chain, also of its start and of the last removed record."""
        found = dict(self.filter(seq__in=numbers).values_list("seq", "hash"))
        cuts = AuditCut.objects.filter(seq__in=numbers).values_list("seq", "hash")
        return {0: FIRST} | dict(cuts) | {number: one for number, one in found.items() if number is not None}

    def chained(self) -> AuditRecordQuerySet:
        """Return those of the chain, in its order."""
        return self.filter(seq__isnull=False).order_by("seq")


class AuditRecord(models.Model):
    """One request. `refusal` is why it was refused, a message as JSON; `name` outlives the environment.

    `by` is the kind of sender; `by_id` distinguishes sessions and tokens and is not secret. `before` and
    `after` have the changed values. `username` is the name at the time. The keys of its objects stay when
    these are deleted. `seq` and `hash` are the record's place in the chain, None and "" until it is chained.
    """

    MAX_REASON, MAX_NAME = 200, 60

    at = models.DateTimeField(_("time"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("user"),
    )
    username = models.CharField(_("username"), max_length=150, blank=True, default="", db_default="")
    by = models.CharField(_("by"), max_length=10, blank=True, choices=BY, default="", db_default="")
    by_id = models.CharField(max_length=64, blank=True, default="", db_default="")
    address = models.CharField(_("address"), max_length=45, blank=True, default="", db_default="")
    request_id = models.CharField(_("request ID"), max_length=64, blank=True, default="", db_default="")
    action = models.CharField(_("action"), max_length=40)
    permission = models.CharField(_("permission"), max_length=100)
    outcome = models.CharField(_("outcome"), max_length=10, choices=OUTCOMES)
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True, default="")
    refusal = models.JSONField(default=dict, blank=True)
    name = models.CharField(_("environment"), max_length=MAX_NAME, blank=True, default="")
    account = models.ForeignKey(
        Account, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    environment = models.ForeignKey(
        Environment, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    details = models.JSONField(default=dict, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    seq = models.PositiveBigIntegerField(_("number"), null=True, unique=True, editable=False)
    hash = models.CharField(max_length=64, default="", db_default="", editable=False)

    objects = AuditRecordQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("audit record")
        verbose_name_plural = _("audit records")
        indexes = (models.Index(fields=("action",), name="audit_records_by_action"),)

    def __str__(self) -> str:
        return f"{self.action} {self.name} {self.outcome}"

    def save(self, *args: Any, **options: Any) -> None:
        """Add the record. Raise TypeError for one that exists: records are not changed."""
        if not self._state.adding:
            raise TypeError(_UNCHANGEABLE)
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(_UNCHANGEABLE)

    def chained_values(self) -> dict[str, Any]:
        """Return the values that the hash covers; the number is added once it is known."""
        values = {name: getattr(self, name) for name in CHAINED}
        return values | {"at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}

    def as_link(self) -> ChainRecord:
        """Return the record as a link of the chain. Raise ValueError if it is not chained."""
        if self.seq is None:
            raise ValueError("the record is not chained")
        return ChainRecord(seq=self.seq, hash=self.hash, pk=self.pk, values=self.chained_values())


class AuditChain(models.Model):
    """The only row with the end of the chain: the holder of its lock may chain records."""

    ONLY = 1

    seq = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=FIRST)

    class Meta:
        verbose_name = verbose_name_plural = _("end of the audit chain")

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


class AuditAnchor(models.Model):
    """The end of the chain on one day, in UTC; it is also written to a file (`SANSO_AUDIT_ANCHORS`)."""

    day = models.DateField(_("day"), unique=True)
    at = models.DateTimeField(_("time"), auto_now_add=True)
    seq = models.PositiveBigIntegerField(_("number"))
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("day",)
        verbose_name = _("audit anchor")
        verbose_name_plural = _("audit anchors")

    def __str__(self) -> str:
        return f"{self.day} {self.seq} {self.hash}"


class AuditCut(models.Model):
    """The number up to which old records were removed, and the last one's hash: the chain's new start."""

    at = models.DateTimeField(_("time"), auto_now_add=True)
    seq = models.PositiveBigIntegerField(_("number"), unique=True)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("seq",)
        verbose_name = _("removal of audit records")
        verbose_name_plural = _("removals of audit records")

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"
