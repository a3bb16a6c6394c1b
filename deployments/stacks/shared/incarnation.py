"""The sandbox run that has an environment's stack: a sandbox loses all stacks when it restarts."""

from __future__ import annotations

from django.utils import timezone

from deployments.aws.sandbox import about
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.accounts import Account
from deployments.environments.models.environments import Environment
from deployments.environments.rules.outcome import SANDBOX_RESTARTED, STACK_GONE

TIMEOUT = 5.0
"""Timeout in seconds of the request for the sandbox's run when a stack is missing: it decides the reason."""


def update_facts(account: Account, *, timeout: float = 1.0) -> None:
    """Store what a sandbox reports about itself: its run, time scale, database and machines.

    If it is another run than before, the stacks of the account are polled at once.
    """
    if not account.is_sandbox:
        return
    ref = account.ref()
    facts = about(ref.endpoint_url, ref.token_file, ref.sandbox_account, timeout=timeout)
    if facts and facts != account.sandbox_facts:
        Account.objects.filter(pk=account.pk).update(sandbox_facts=facts)
        before, account.sandbox_facts = account.endpoint_run, facts
        if account.endpoint_run != before:
            Environment.objects.observed().in_account(account.pk).update(due_at=timezone.now())


def remember(environment: Environment) -> None:
    """Store the current run of the sandbox as the one that has the environment's stack."""
    run = environment.account.endpoint_run
    if run and run != environment.sandbox_run:
        Environment.objects.filter(pk=environment.pk).update(sandbox_run=run)
        environment.sandbox_run = run


def was_restarted(environment: Environment) -> bool:
    """Return whether the sandbox was restarted after the environment's stack was created."""
    if not environment.account.is_sandbox or not environment.sandbox_run:
        return False
    update_facts(environment.account, timeout=TIMEOUT)
    return environment.sandbox_run != environment.account.endpoint_run


def why_missing(environment: Environment) -> tuple[str, Message]:
    """Return the code and message for a stack that no longer exists and was not deleted by Sanso."""
    if was_restarted(environment):
        return SANDBOX_RESTARTED, Message(Code.SANDBOX_RESTARTED)
    return STACK_GONE, Message(Code.STACK_MISSING)
