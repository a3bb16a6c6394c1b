"""First contacts with an account: requesting one, following it, canceling it and cleaning up after it."""

from __future__ import annotations

from django.shortcuts import get_object_or_404

from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_ONE, Nothing
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account
from deployments.first_contact.api.schemas import ContactBody, ContactList, ContactOut
from deployments.first_contact.commands import request_cancel, request_clean_up, request_run
from deployments.first_contact.models import ContactRun

MANAGE = Right.MANAGE_ACCOUNTS
ACCEPTED = 202
_PATH = "/accounts/{account_id}/first-contacts"


@router.get(_PATH, response={200: ContactList, **FOR_ONE}, operation_id="list_first_contacts")
def list_first_contacts(request: ApiRequest, account_id: Key) -> ContactList:
    """List the first contacts with an account that are kept, newest first."""
    require_somewhere(request, MANAGE)
    rows = ContactRun.objects.of(_account(account_id))
    return ContactList(items=[ContactOut.of(row) for row in rows])


@requests(router, _PATH, ContactOut, status=ACCEPTED, name="run_first_contact", needs=MANAGE)
def run_first_contact(request: ApiRequest, account_id: Key, body: ContactBody) -> ContactOut:
    """Request a first contact with an account. What it creates in AWS is deleted at its end."""
    require_somewhere(request, MANAGE, "run_first_contact")
    return ContactOut.of(request_run(user=request.user, account=_account(account_id), steps=body.steps))


@router.get(
    f"{_PATH}/{{contact_id}}", response={200: ContactOut, **FOR_ONE}, operation_id="get_first_contact"
)
def get_first_contact(request: ApiRequest, account_id: Key, contact_id: Key) -> ContactOut:
    """Return a first contact with its answers, and what is left in AWS."""
    require_somewhere(request, MANAGE)
    return ContactOut.of(_run(account_id, contact_id))


@requests(
    router,
    f"{_PATH}/{{contact_id}}/cancel",
    ContactOut,
    status=ACCEPTED,
    name="cancel_first_contact",
    needs=MANAGE,
)
def cancel_first_contact(request: ApiRequest, account_id: Key, contact_id: Key, body: Nothing) -> ContactOut:
    """Cancel a first contact: it takes no further step, and deletes what it created."""
    require_somewhere(request, MANAGE, "cancel_first_contact")
    request_cancel(user=request.user, run=_run(account_id, contact_id))
    return ContactOut.of(_run(account_id, contact_id))


@requests(
    router,
    f"{_PATH}/{{contact_id}}/clean-up",
    ContactOut,
    status=ACCEPTED,
    name="clean_up_first_contact",
    needs=MANAGE,
)
def clean_up_first_contact(
    request: ApiRequest, account_id: Key, contact_id: Key, body: Nothing
) -> ContactOut:
    """Request another clean-up after a first contact that has left resources in AWS."""
    require_somewhere(request, MANAGE, "clean_up_first_contact")
    request_clean_up(user=request.user, run=_run(account_id, contact_id))
    return ContactOut.of(_run(account_id, contact_id))


def _account(pk: int) -> Account:
    return get_object_or_404(Account.objects.usable(), pk=pk)


def _run(account: int, pk: int) -> ContactRun:
    return get_object_or_404(ContactRun.objects.of(_account(account)), pk=pk)
