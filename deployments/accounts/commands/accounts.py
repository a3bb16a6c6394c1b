"""Save, import or remove accounts, the targets of deployments, and request a test of a connection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from deployments.access.commands.requesting import CommandRequest, requesting, require
from deployments.access.rules.roles import Right
from deployments.accounts.models import ConnectionTest
from deployments.accounts.shared.requested_tests import request_test
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FIELDS: Final = ("name", "region", "role_arn", "service_role_arn", "boundary_arn", "artifact_bucket")
"""The fields of an account that people enter."""


_CHECKS: list[Callable[[Account], None]] = []


def check_changes_with(check: Callable[[Account], None]) -> None:
    """Let a check of a package above refuse to change or delete an account, by UserFixable."""
    _CHECKS.append(check)


def _check(account: Account) -> None:
    for check in _CHECKS:
        check(account)


def save_account(*, user: User, account: Account, changed: Collection[str]) -> None:
    """Save a new account, or the fields of one that were changed. Raise UserFixable while these are used."""
    is_new = account._state.adding
    with requesting(
        CommandRequest(
            user=user,
            action="add_account" if is_new else "edit_account",
            permission=Right.MANAGE_ACCOUNTS,
            name=account.name,
            details={name: str(getattr(account, name)) for name in changed},
        )
    ) as request:
        before = {} if is_new else Account.objects.values(*changed).get(pk=account.pk) if changed else {}
        request.account = None if is_new else account
        if not is_new and set(changed) - {"name"}:
            _check(account)
        request.changes(before, {name: getattr(account, name) for name in changed})
        account.roles_due_at = None  # with other roles, or in another region
        account.save()
        if set(changed) - {"name"}:  # what was tested is not what the account is now
            ConnectionTest.objects.of(account).delete()


def add_accounts(*, user: User, accounts: Sequence[Account]) -> None:
    """Save new accounts, all or none. Raise IntegrityError if one of their names was taken meanwhile.

    The right is required before the transaction, which would undo the record of a refusal.
    """
    name = ", ".join(account.name for account in accounts)
    require(CommandRequest(user=user, action="add_account", permission=Right.MANAGE_ACCOUNTS, name=name))
    with transaction.atomic():
        for account in accounts:
            save_account(user=user, account=account, changed=FIELDS)


def delete_account(*, user: User, account: Account) -> None:
    """Delete an account. Raise UserFixable if it has environments: even deleted ones keep their history."""
    request = CommandRequest(
        user=user, action="delete_account", permission=Right.MANAGE_ACCOUNTS, name=account.name
    )
    with requesting(request):
        request.account = account
        if Environment.objects.in_account(account.pk).exists():
            raise UserFixable("AccountInUse", Code.ACCOUNT_IN_USE, account=account.name)
        _check(account)
        request.before = {name: getattr(account, name) for name in ("name", "region", "role_arn")}
        account.delete()


def request_connection_test(*, user: User, account: Account) -> None:
    """Request a test of the connection of an account; while one is in progress, nothing more is requested."""
    request = CommandRequest(
        user=user, action="test_connection", permission=Right.MANAGE_ACCOUNTS, name=account.name
    )
    with requesting(request):
        request.account = account
        request.repeats = not request_test(account, timezone.now(), user=user)
