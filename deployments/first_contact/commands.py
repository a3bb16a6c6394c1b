"""Request a first contact with an account, cancel it, and clean up after it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from deployments.access.commands.requesting import CommandRequest, requesting
from deployments.access.rules.roles import Right
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.first_contact.models import BY_CANCEL, CLEANING, QUEUED, RUNNING, ContactRun
from deployments.first_contact.rules.step_names import ALL, CLEAN_UP, ENVIRONMENT
from deployments.first_contact.shared import runs
from deployments.first_contact.shared.rights import require_environment_rights

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_run(*, user: User, account: Account, steps: Collection[str]) -> ContactRun:
    """Request a run of these steps, which a worker makes.

    While one with the same steps is in progress, it is returned. Raise UserFixable while another one is, or
    if it has left something in AWS. For an environment, the user needs the rights that its life needs.
    """
    chosen = [name for name in ALL if name in steps]
    request = _request(user, account, "run_first_contact", steps=", ".join(chosen))
    with requesting(request):
        request.account = account
        if not chosen:
            raise UserFixable("StepsMissing", Code.CONTACT_WITHOUT_STEPS, "steps")
        if ENVIRONMENT in chosen:
            require_environment_rights(user, account)
        found = ContactRun.objects.unfinished(account)
        if found is None:
            try:
                return runs.queue(account, chosen, user)
            except runs.Busy:  # somebody else was first
                found = ContactRun.objects.of(account)[0]
        if not found.is_active:
            raise UserFixable("ContactLeft", Code.CONTACT_LEFT, account=account.name)
        if found.stopped_by or [one.name for one in found.steps.exclude(name=CLEAN_UP)] != chosen:
            raise UserFixable("ContactInProgress", Code.CONTACT_IN_PROGRESS, account=account.name)
        request.repeats = True
        return found


def request_cancel(*, user: User, run: ContactRun) -> None:
    """Request that a run takes no further step: what it has created is deleted, and the run ends."""
    request = _request(user, run.account, "cancel_first_contact", tag=run.tag)
    with requesting(request):
        request.account = run.account
        rows = ContactRun.objects.filter(pk=run.pk, state__in=(QUEUED, RUNNING))
        if not rows.filter(stopped_by="").update(stopped_by=BY_CANCEL):
            request.repeats = rows.exists()
            if not request.repeats:
                run.refresh_from_db()
                code = Code.CONTACT_CLEANING if run.is_active else Code.CONTACT_FINISHED
                raise UserFixable("ContactNotCancelable", code, account=run.account.name)


def request_clean_up(*, user: User, run: ContactRun) -> None:
    """Request that a worker cleans up again after a run that has left something in AWS."""
    request = _request(user, run.account, "clean_up_first_contact", tag=run.tag)
    with requesting(request):
        request.account = run.account
        if run.is_active:
            request.repeats = run.state == CLEANING
            if not request.repeats:
                raise UserFixable("ContactInProgress", Code.CONTACT_IN_PROGRESS, account=run.account.name)
            return
        if not run.left:
            raise UserFixable("ContactNothingLeft", Code.CONTACT_NOTHING_LEFT, account=run.account.name)
        values = {"state": CLEANING, "active_key": run.account_id, "process": "", "due_at": timezone.now()}
        try:
            with transaction.atomic():
                rows = ContactRun.objects.filter(pk=run.pk, version=run.version)
                request.repeats = not rows.update(**values, version=F("version") + 1)
        except IntegrityError:  # another run of the account is in progress
            raise UserFixable(
                "ContactInProgress", Code.CONTACT_IN_PROGRESS, account=run.account.name
            ) from None


def record_download(*, user: User, run: ContactRun) -> None:
    """Record that the archive of a run is downloaded."""
    request = _request(user, run.account, "download_first_contact", tag=run.tag)
    with requesting(request):
        request.account = run.account


def _request(user: User, account: Account, action: str, **details: str) -> CommandRequest:
    return CommandRequest(
        user=user, action=action, permission=Right.MANAGE_ACCOUNTS, name=account.name, details=details
    )


def refuse_account_change(account: Account) -> None:
    """Refuse to change or remove an account while a run calls AWS in it. Raise UserFixable."""
    if ContactRun.objects.of(account).active().exists():
        raise UserFixable("ContactInProgress", Code.CONTACT_BLOCKS_ACCOUNT, account=account.name)
