"""The import of accounts from a CSV."""

from __future__ import annotations

from django.db import IntegrityError
from django.utils.translation import gettext as _

from deployments.access.api.idempotency import requests
from deployments.access.api.problems import FieldProblem, RequestRefused
from deployments.access.api.record_router import router
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.accounts.api.accounts import CREATED, MANAGE
from deployments.accounts.api.schemas.account import AccountDetail, AccountImportBody, AccountImportOut
from deployments.accounts.commands.accounts import add_accounts
from deployments.accounts.pages.account_import import LineProblem, read_import


@requests(router, "/account-imports", AccountImportOut, status=CREATED, name="import_accounts", needs=MANAGE)
def import_accounts(request: ApiRequest, body: AccountImportBody) -> AccountImportOut:
    """Add all accounts of a CSV, or none if a line has a problem. They have the same external ID."""
    require_somewhere(request, MANAGE, "add_account")
    found = read_import(body.csv)
    if found.problems:
        errors = [FieldProblem(field=_path(one), code="invalid", detail=str(one)) for one in found.problems]
        raise RequestRefused(422, "InvalidRequest", _("The request is not valid."), errors)
    try:
        add_accounts(user=request.user, accounts=found.accounts)
    except IntegrityError:
        text = _("An account with one of the names was added meanwhile. Import the file again.")
        raise RequestRefused(409, "NameTaken", text) from None
    return AccountImportOut(accounts=[AccountDetail.of(one) for one in found.accounts])


def _path(one: LineProblem) -> str:
    return ".".join(("csv", str(one.line), *([one.column] if one.column else [])))
