"""The accounts: whether the portal's role can be assumed and may read stacks, and the skew of the clock.

The test of a connection (`deployments/accounts`) reads more, and takes a worker.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from deployments.accounts.rules.connection import MAX_SKEW, OF_THE_CLOCK
from deployments.aws import session
from deployments.aws.account_ref import AccountRef
from deployments.aws.session import Clients
from deployments.common.errors import AwsFailure, AwsNotFound
from deployments.common.rules.aws_error_codes import denied_action, is_denied
from deployments.environments.models.accounts import Account
from deployments.environments.rules import account_template
from portal.doctor.finding import Finding, ok, problem, warning

MISSING_STACK = "sanso-doctor-looks-for-this"

Connect = Callable[[AccountRef], Clients]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """The account of the role and the skew of the clock in seconds, or the code of AWS's error."""

    name: str
    account_id: str = ""
    skew: float = 0.0
    operation: str = ""
    code: str = ""
    is_sandbox: bool = False
    revision: int | None = None
    """Of the deployed account.yaml; None if its stack has another name, or has no roles."""


def read(connect: Connect = session.connect) -> list[AccountFacts]:
    """Return the facts about every account. Four calls each, without effects."""
    return [_of(account, connect) for account in Account.objects.usable()]


def _of(account: Account, connect: Connect) -> AccountFacts:
    try:
        clients = connect(account.ref())
        identity = clients.sts.caller_identity()
        now = datetime.now(UTC)
        skew = (now - identity.answered_at).total_seconds() if identity.answered_at else 0.0
        with contextlib.suppress(AwsNotFound):  # only a role that may read learns that it does not exist
            clients.cloudformation.describe_stack(MISSING_STACK)
        revision = _revision(clients)
    except AwsFailure as exc:
        action = denied_action(exc.code, exc.message, exc.operation)
        return AccountFacts(name=account.name, operation=action, code=exc.code, is_sandbox=account.is_sandbox)
    return AccountFacts(name=account.name, account_id=identity.account_id, skew=skew, revision=revision)


def _revision(clients: Clients) -> int | None:
    try:
        stack = clients.cloudformation.describe_stack(account_template.STACK)
    except AwsNotFound:
        return None
    return account_template.deployed(stack.outputs, stack.parameters).revision


def judge(accounts: Sequence[AccountFacts]) -> list[Finding]:
    """Return the findings about each account."""
    if not accounts:
        return [warning("accounts", "There is no account.", "Add one under Accounts (docs/production.md).")]
    return [_judge(facts) for facts in accounts]


def _judge(facts: AccountFacts) -> Finding:
    check = f"account {facts.name}"
    if facts.code:
        return problem(check, f"AWS refused {facts.operation}: {facts.code}.", _fix(facts))
    if abs(facts.skew) > MAX_SKEW:
        return problem(
            check,
            f"This machine's clock and AWS's differ by {abs(facts.skew):.0f} s.",
            "Synchronize the clock (systemctl enable --now chrony).",
        )
    if facts.revision is not None and facts.revision < account_template.REVISION:
        return warning(
            check,
            f"Its roles are of revision {facts.revision} of account.yaml; this version of Sanso needs "
            f"{account_template.REVISION}.",
            "Deploy infra_templates/account.yaml again in the account (docs/production.md).",
        )
    return ok(check, f"The role in {facts.account_id} can be assumed and may read stacks.")


def _fix(facts: AccountFacts) -> str:
    if facts.code in OF_THE_CLOCK:
        return (
            "Synchronize the clock (systemctl enable --now chrony): AWS rejects signatures that are more "
            "than five minutes off. If it is right, renew the portal's own credentials."
        )
    if facts.is_sandbox:
        return "Start the sandbox, and check SANSO_SANDBOX_URL and SANSO_SANDBOX_TOKEN_FILE."
    if facts.operation == "sts:AssumeRole":
        return "Compare the role's trust policy with the account's external ID; deploy account.yaml again."
    if is_denied(facts.code):
        return f"Deploy account.yaml again: the role needs {facts.operation}."
    return "Check the portal's own credentials and that this machine can reach AWS."
