"""Freeze windows as the API returns and takes them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Self

from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from deployments.access.api.keyset import MAX_KEY, Page
from deployments.access.api.schemas import AccountRef, Body
from deployments.locks.models import FreezeWindow


class Occurs(StrEnum):
    """How often a freeze window occurs."""

    WEEKLY = "weekly"
    ONCE = "once"


class FreezeOut(Schema):
    """A time in which nothing is deployed, changed or deleted in an account."""

    id: int = Field(examples=[3])
    account: AccountRef
    name: str = Field(examples=["Weekend"])
    reason: str
    is_on: bool
    zone: str = Field(examples=["Asia/Tokyo"])
    kind: Occurs
    start_day: int | None = Field(description="Of a weekly one, 0 is Monday.", examples=[5])
    start_date: date | None
    start_time: str = Field(description="By the clocks of its zone.", examples=["18:00:00"])
    end_day: int | None
    end_date: date | None
    end_time: str = Field(examples=["09:00:00"])

    @classmethod
    def of(cls, row: FreezeWindow) -> Self:
        """Return a row with its account."""
        return cls(
            id=row.pk,
            account=AccountRef.of(row.account),
            name=row.name,
            reason=row.reason,
            is_on=row.is_on,
            zone=row.zone,
            kind=Occurs(row.kind),
            start_day=row.start_day,
            start_date=row.start_date,
            start_time=row.start_time.isoformat(),
            end_day=row.end_day,
            end_date=row.end_date,
            end_time=row.end_time.isoformat(),
        )


class FreezePage(Page[FreezeOut]):
    """A page of freeze windows, the newest first."""


class FreezeBody(Body):
    """A freeze window: a weekly one has weekdays, one that occurs once has dates."""

    account: StrictInt = Field(ge=1, le=MAX_KEY)
    name: str = Field(max_length=60, examples=["Weekend"])
    reason: str = Field(max_length=200, description="Shown to everybody who has to wait.")
    is_on: StrictBool = True
    zone: str = Field(default="UTC", max_length=64, examples=["Asia/Tokyo"])
    kind: Occurs = Occurs.WEEKLY
    start_day: StrictInt | None = Field(default=None, ge=0, le=6, description="0 is Monday.")
    start_date: str | None = Field(default=None, max_length=10, examples=["2026-12-24"])
    start_time: str = Field(max_length=8, examples=["18:00"])
    end_day: StrictInt | None = Field(default=None, ge=0, le=6)
    end_date: str | None = Field(default=None, max_length=10, examples=["2027-01-04"])
    end_time: str = Field(max_length=8, examples=["09:00"])
