"""Requests for tests of connections, and their steps as the dispatcher and a worker take them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from deployments.accounts.display.connection import ConnectionStatus, connection_status
from deployments.accounts.models import ConnectionTest
from deployments.accounts.shared.requested_tests import request_test
from deployments.accounts.steps import connection_test
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.common.models import leases
from deployments.environments.models.accounts import Account
from tests.builders import make_account
from tests.fakes import ACCOUNT_ID, FakeAws

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/sanso-portal"
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/sanso-cloudformation"
MOST = 100


def production(**values: Any) -> Account:
    """Return an account on AWS with the roles of account.yaml."""
    given = {"is_sandbox": False, "role_arn": ROLE, "service_role_arn": SERVICE_ROLE}
    return make_account("production", **(given | values))


def take_steps(
    account: Account,
    connect: Callable[[AccountRef], Clients],
    identify: Callable[[AccountRef], Identity],
) -> None:
    """Take steps of an account's test until it has finished, without waiting for their times."""
    rows = ConnectionTest.objects.active().of(account)
    later = timezone.now() + timedelta(hours=1)
    for _ in range(MOST):
        for pk, version in leases.claim_due(rows, later, timedelta(seconds=30)):
            connection_test.run_test(pk, version, connect, identify)
        if not rows.exists():
            return
    raise AssertionError("the test does not finish")


def outcome_of(account: Account, aws: FakeAws) -> ConnectionStatus:
    """Request a test of an account, take its steps, and return what its page shows."""
    assert request_test(account, timezone.now())
    take_steps(account, aws, aws.identify)
    return connection_status(ConnectionTest.objects.of(account).get())


def line_of(found: ConnectionStatus, check: str) -> Any:
    """Return the only line of a check."""
    (line,) = [one for one in found.lines if one.check == check]
    return line
