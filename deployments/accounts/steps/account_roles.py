"""The roles of accounts on AWS: the deployed revision of account.yaml, read every few minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsNotFound
from deployments.environments.models.accounts import Account
from deployments.environments.rules import account_template
from deployments.environments.rules.account_template import AccountTemplate

log = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=2)
MOST = 5
"""Maximum number of accounts that one task reads."""
ENOUGH = 5.0
"""Seconds after which a task reads no further account."""


def are_due() -> bool:
    """Return whether the roles of an account are to be read."""
    return Account.objects.with_roles_due(timezone.now()).exists()


def read_due(connect: Callable[[AccountRef], Clients] = session.connect) -> int:
    """Read the roles of some accounts that are due. Return their number.

    The next time is stored first: an account that AWS refuses is not read again and again.
    """
    began, count = time.monotonic(), 0
    for account in Account.objects.with_roles_due(timezone.now())[:MOST]:
        if time.monotonic() - began > ENOUGH:
            break
        due = Account.objects.filter(pk=account.pk, roles_due_at=account.roles_due_at)
        if due.update(roles_due_at=timezone.now() + INTERVAL):
            read(account, connect)
            count += 1
    return count


def read(account: Account, connect: Callable[[AccountRef], Clients] = session.connect) -> None:
    """Store what the stack sanso-account says of an account's roles; nothing if AWS does not say it."""
    try:
        found = _described(connect(account.ref()))
    except AwsFailure as exc:
        log.info("the roles of account %s cannot be read: %s", account.pk, exc)
        return
    Account.objects.filter(pk=account.pk).update(
        roles_revision=found.revision,
        roles_need_boundary=found.needs_boundary,
        roles_read_at=timezone.now(),
    )


def _described(clients: Clients) -> AccountTemplate:
    try:
        stack = clients.cloudformation.describe_stack(account_template.STACK)
    except AwsNotFound:
        return AccountTemplate()
    return account_template.deployed(stack.outputs, stack.parameters)
