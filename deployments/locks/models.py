"""Locks of environments, freeze windows of accounts, and whether one holds back a request now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.locks.rules import Freeze, Once, Weekly, Window, freeze_at

ENDS = [
    ("", _("In force")),
    ("unlocked", _("Unlocked")),
    ("broken", _("Broken")),
    ("expired", _("Expired")),
]
MAX_REASON = 200


class EnvironmentLockQuerySet(models.QuerySet["EnvironmentLock"]):
    """Named queries over locks."""

    def in_force(self, now: datetime) -> Self:
        """Keep those that have neither expired nor been ended."""
        rows = self.exclude(active_key=None).select_related("owner")
        return rows.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))

    def of(self, environment: Environment) -> Self:
        """Keep those of one environment, newest first."""
        rows = self.filter(environment=environment).select_related("owner", "ended_by")
        return rows.order_by("-pk")

    def in_force_by_environment(self, keys: list[int], now: datetime) -> dict[int, EnvironmentLock]:
        """Return the locks in force of these environments, by the environment's key."""
        return {lock.environment_id: lock for lock in self.in_force(now).filter(active_key__in=keys)}


class EnvironmentLock(models.Model):
    """One lock. `active_key` is the environment's key until the lock ended, and NULL afterwards: the database
    allows one per environment.

    A lock that expired keeps its `active_key` until somebody locks the environment again.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="locks")
    active_key = models.PositiveBigIntegerField(unique=True, null=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("locked by")
    )
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    created_at = models.DateTimeField(_("locked"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    end = models.CharField(_("end"), max_length=10, choices=ENDS, blank=True, default="")
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("ended by"),
    )
    end_reason = models.CharField(_("reason of the end"), max_length=MAX_REASON, blank=True, default="")

    objects = models.Manager.from_queryset(EnvironmentLockQuerySet)()

    class Meta:
        ordering = ("-pk",)
        verbose_name = _("environment lock")
        verbose_name_plural = _("environment locks")

    def __str__(self) -> str:
        return f"{self.environment_id} {self.owner}"


KINDS = [("weekly", _("Every week")), ("once", _("Once"))]
DAYS = [
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
]


class FreezeWindowQuerySet(models.QuerySet["FreezeWindow"]):
    """Named queries over freeze windows."""

    def in_account(self, account_pk: int) -> Self:
        """Keep those of one account that are switched on."""
        return self.filter(account=account_pk, is_on=True)

    def of_accounts(self, accounts: models.QuerySet[Account]) -> Self:
        """Keep those of these accounts, with their accounts."""
        return self.filter(account__in=accounts).select_related("account")

    def matching(self, text: str) -> Self:
        """Keep those whose name, reason or account contains a text."""
        found = models.Q(name__icontains=text) | models.Q(reason__icontains=text)
        return self.filter(found | models.Q(account__name__icontains=text))

    def frozen_accounts(self, now: datetime) -> list[Account]:
        """Return the accounts with a freeze in force. One query."""
        rows = self.filter(is_on=True, account__is_recording=False).select_related("account")
        found = {row.account_id: row.account for row in rows if row.window.end_at(now)}
        return sorted(found.values(), key=lambda account: account.name)

    def freeze_of(self, account_pk: int, now: datetime) -> Freeze | None:
        """Return the freeze of an account that is in force; None if there is none."""
        return freeze_at([row.window for row in self.in_account(account_pk)], now)


class FreezeWindow(models.Model):
    """A period in which nothing is deployed, changed or deleted in an account.

    A weekly window uses the weekdays, one that occurs once uses the dates; both use the times of day.
    """

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="freeze_windows", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=60)
    reason = models.CharField(_("reason"), max_length=200, help_text=_("Shown to everybody who has to wait."))
    is_on = models.BooleanField(_("switched on"), default=True)
    zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", help_text=_("An IANA name such as Asia/Tokyo.")
    )
    kind = models.CharField(_("occurs"), max_length=10, choices=KINDS, default="weekly")
    start_day = models.PositiveSmallIntegerField(_("first weekday"), choices=DAYS, null=True, blank=True)
    start_date = models.DateField(_("first day"), null=True, blank=True)
    start_time = models.TimeField(_("start time"))
    end_day = models.PositiveSmallIntegerField(_("last weekday"), choices=DAYS, null=True, blank=True)
    end_date = models.DateField(_("last day"), null=True, blank=True)
    end_time = models.TimeField(_("end time"))

    objects = models.Manager.from_queryset(FreezeWindowQuerySet)()

    class Meta:
        ordering = ("account", "name")
        verbose_name = _("freeze window")
        verbose_name_plural = _("freeze windows")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raise ValidationError with the fields to correct."""
        problems: dict[str, object] = {}
        if self.zone not in available_timezones():
            problems["zone"] = _("Enter the IANA name of a time zone, such as Asia/Tokyo or Europe/Berlin.")
        used, unused = ("day", "date") if self.kind == "weekly" else ("date", "day")
        for at in ("start", "end"):
            if getattr(self, f"{at}_{used}") is None:
                problems[f"{at}_{used}"] = (
                    _("Select a weekday.") if self.kind == "weekly" else _("Enter a date.")
                )
            setattr(self, f"{at}_{unused}", None)
        if not problems and None not in (self.start_time, self.end_time):
            problems |= self._misplaced_end()
        if problems:
            raise ValidationError(problems)

    def _misplaced_end(self) -> dict[str, object]:
        times = self.window.times
        if isinstance(times, Once):
            if times.end <= times.start:
                return {"end_date": _("The end must be after the start.")}
            if times.end - times.start > timedelta(days=366):
                return {"end_date": _("A freeze lasts at most a year.")}
        elif (times.start_day, times.start_time) == (times.end_day, times.end_time):
            return {"end_time": _("The end must differ from the start.")}
        return {}

    @property
    def times(self) -> str:
        """Return the start and the end by the clocks of its zone, such as "Friday 18:00 – Monday 09:00"."""
        ends = []
        for at in ("start", "end"):
            day = getattr(self, f"{at}_date") or getattr(self, f"get_{at}_day_display")()
            ends.append(f"{day} {getattr(self, f'{at}_time'):%H:%M}")
        return " – ".join(ends)

    @property
    def window(self) -> Window:
        """Return the window as a plain value for `core.freeze`."""
        return Window(name=self.name, reason=self.reason, zone=self.zone, times=self._times())

    def _times(self) -> Weekly | Once:
        if self.start_date is not None and self.end_date is not None:
            return Once(
                start=datetime.combine(self.start_date, self.start_time),
                end=datetime.combine(self.end_date, self.end_time),
            )
        return Weekly(
            start_day=self.start_day or 0,
            start_time=self.start_time,
            end_day=self.end_day or 0,
            end_time=self.end_time,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why nothing may begin, and until when; `until` is None if it is not known."""

    message: Message
    until: datetime | None
    lock: EnvironmentLock | None = None

    @property
    def marker(self) -> str:
        """Return a text that identifies the hold."""
        return f"{self.message.code}-{self.until.timestamp() if self.until else ''}"


def lock_hold(environment: Environment, now: datetime | None = None) -> Hold | None:
    """Return the lock of an environment that is in force as a hold."""
    lock = EnvironmentLock.objects.in_force(now or timezone.now()).filter(active_key=environment.pk).first()
    return of_lock(lock, environment.name) if lock else None


def of_lock(lock: EnvironmentLock, name: str) -> Hold:
    """Return a lock of the environment with this name as a hold."""
    values = {"user": lock.owner.get_username(), "reason": lock.reason, "environment": name}
    until = lock.expires_at
    if until is None:
        return Hold(message=Message(Code.ENVIRONMENT_LOCKED, values), until=None, lock=lock)
    message = Message(Code.ENVIRONMENT_LOCKED_UNTIL, values | {"until": until.isoformat()})
    return Hold(message=message, until=until, lock=lock)


def freeze_hold(account: Account, now: datetime | None = None) -> Hold | None:
    """Return the freeze of an account that is in force as a hold."""
    freeze = FreezeWindow.objects.freeze_of(account.pk, now or timezone.now())
    if freeze is None:
        return None
    values = {"account": account.name, "name": freeze.name, "reason": freeze.reason}
    if freeze.until is None:
        return Hold(message=Message(Code.ACCOUNT_FROZEN, values), until=None)
    message = Message(Code.ACCOUNT_FROZEN_UNTIL, values | {"until": freeze.until.isoformat()})
    return Hold(message=message, until=freeze.until)


def hold_of(environment: Environment) -> Hold | None:
    """Return the hold on changes of an environment: its lock, or else a freeze of its account."""
    return lock_hold(environment) or freeze_hold(environment.account)
