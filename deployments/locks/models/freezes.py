"""Freeze windows of accounts, weekly or once; `core.freeze` computes whether one is in force."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.environments.models.accounts import Account
from deployments.locks.rules import Freeze, Once, Weekly, Window, freeze_at

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
