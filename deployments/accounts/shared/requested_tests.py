"""Requests for tests of connections, by people and by the dispatcher."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F

from deployments.accounts.models import FINISHED, QUEUED, ConnectionTest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from deployments.environments.models.accounts import Account


def request_test(account: Account, now: datetime, *, user: User | None = None) -> bool:
    """Make the test of an account due, unless one is in progress. Return whether it was made due."""
    values: dict[str, Any] = {
        "state": QUEUED,
        "requested_by": user,
        "facts": {},
        "planned": 0,
        "done": 0,
        "attempts": 0,
    }
    rows = ConnectionTest.objects.of(account)
    if rows.filter(state=FINISHED).update(**values, due_at=now, version=F("version") + 1):
        return True
    try:
        with transaction.atomic():
            ConnectionTest.objects.create(account=account, requested_by=user, due_at=now)
    except IntegrityError:  # one is in progress
        return False
    return True
