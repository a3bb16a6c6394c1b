"""What stays in AWS when an account is removed, as its page and the API say it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.accounts.models import ConnectionTest
from deployments.accounts.rules.what_stays import AccountPlace, Staying, StaysInAws, number_of, what_stays
from deployments.environments.models.accounts import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class StayingLine:
    """One thing that stays, with its sentence in the active language."""

    found: StaysInAws
    text: str


def staying_lines(account: Account) -> list[StayingLine]:
    """Return what stays of an account: nothing of one in the sandbox, which has no AWS."""
    if account.is_sandbox:
        return []
    others = Account.objects.usable().filter(is_sandbox=False).exclude(pk=account.pk)
    tests = ConnectionTest.objects.about([account, *others]).by_account()
    place, *places = [_place(one, tests.get(one.pk)) for one in (account, *others)]
    return [StayingLine(found=one, text=_text(one)) for one in what_stays(place, places)]


def _place(account: Account, test: ConnectionTest | None) -> AccountPlace:
    return AccountPlace(
        name=account.name,
        number=(test.account_number if test else "") or number_of(account.role_arn),
        region=account.region,
        bucket=account.artifact_bucket,
    )


def _text(found: StaysInAws) -> str:
    values = {"name": found.name, "region": found.region, "accounts": ", ".join(found.used_by)}
    if found.kind is Staying.ROLES_STACK:
        text = _(
            "The stack %(name)s in %(region)s with the roles, policies and the permissions boundary. They "
            "cost nothing."
        )
        if found.used_by:
            more = _("Keep it: other accounts in Sanso may use its roles (%(accounts)s).")
        else:
            more = _("Delete the stack when nothing else uses its roles.")
    else:
        text = _(
            "The artifact bucket %(name)s with templates, playbooks and logs, also when the stack is "
            "deleted. Its storage is billed."
        )
        more = _("Keep it: other accounts in Sanso use it (%(accounts)s).") if found.used_by else ""
    return f"{text} {more}".strip() % values
