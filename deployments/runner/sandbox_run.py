"""The run of the sandbox that has an environment's stack: when it is restarted, it forgets everything."""

from __future__ import annotations

from django.utils import timezone

from deployments.aws.sandbox import about
from deployments.core.outcome import SANDBOX_RESTARTED, STACK_GONE
from deployments.errors import Message
from deployments.message_codes import Code
from deployments.models import Account, Environment

PATIENCE = 5.0
"""Seconds that the sandbox may take to say which run it is, when a stack is missing: the answer decides."""


def update_facts(account: Account, *, timeout: float = 1.0) -> None:
    """Keep what the sandbox reports about itself: its run, its pace, its database and machines.

    Where it is another run than before, the stacks of the account are looked for at once.
    """
    if not account.is_sandbox:
        return
    ref = account.ref()
    facts = about(ref.endpoint_url, ref.token_file, timeout=timeout)
    if facts and facts != account.sandbox_facts:
        Account.objects.filter(pk=account.pk).update(sandbox_facts=facts)
        before, account.sandbox_facts = account.sandbox_run, facts
        if account.sandbox_run != before:
            Environment.objects.observed().in_account(account.pk).update(due_at=timezone.now())


def remember(environment: Environment) -> None:
    """Keep which run of the sandbox has the environment's stack: the one that answers now."""
    run = environment.account.sandbox_run
    if run and run != environment.sandbox_run:
        Environment.objects.filter(pk=environment.pk).update(sandbox_run=run)
        environment.sandbox_run = run


def was_restarted(environment: Environment) -> bool:
    """Return whether another run of the sandbox answers than the one that had the environment's stack."""
    if not environment.account.is_sandbox or not environment.sandbox_run:
        return False
    update_facts(environment.account, timeout=PATIENCE)
    return environment.sandbox_run != environment.account.sandbox_run


def why_missing(environment: Environment) -> tuple[str, Message]:
    """Return the code and message of a stack that does not exist although nobody deleted it with Sanso."""
    if was_restarted(environment):
        return SANDBOX_RESTARTED, Message(Code.SANDBOX_RESTARTED)
    return STACK_GONE, Message(Code.STACK_MISSING)
