"""Looking at an environment between deployments: is its stack still there, and as it was?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from deployments.aws import budget
from deployments.aws.account_ref import AccountRef
from deployments.aws.sandbox import about
from deployments.aws.session import Clients
from deployments.core.cadence import OBSERVE_DELAY
from deployments.errors import AwsFailure, AwsMissing, BudgetSpent
from deployments.models import Account, Environment, leases


def look(pk: int, version: int, connect: Callable[[AccountRef], Clients]) -> bool:
    """Bring the environment's row to what AWS says. False when the message was stale or doubled."""
    rows = Environment.objects.observed()
    if not leases.take(rows, pk, version):
        return False
    environment = rows.select_related("account", "latest").get(pk=pk)
    if environment.version == version + 1:
        delay = OBSERVE_DELAY
        sandbox_facts(environment.account)
        if environment.active_deployment is None and environment.stack_id:
            with budget.asking(watched=False):
                delay = _look(environment, connect)
        leases.put_back(environment, environment.version, timezone.now() + timedelta(seconds=delay))
    return True


def _look(environment: Environment, connect: Callable[[AccountRef], Clients]) -> float:
    """Bring the row up to date. Returns the delay to the next look, in seconds."""
    mine = Environment.objects.filter(pk=environment.pk, version=environment.version)
    now = timezone.now()
    try:
        stack = connect(environment.account.ref()).cloudformation.describe_stack(environment.stack_id)
    except AwsMissing:
        mine.filter(missing_since=None).update(missing_since=now)
        mine.update(observed_at=now, observe_error="")
        return OBSERVE_DELAY
    except BudgetSpent as exc:
        return exc.seconds
    except AwsFailure as exc:  # an error never changes what is known
        mine.update(observe_error=str(exc))
        return OBSERVE_DELAY
    if stack.status == "DELETE_COMPLETE":
        mine.filter(missing_since=None).update(missing_since=now)
        mine.update(stack_status=stack.status, observed_at=now, observe_error="")
        return OBSERVE_DELAY
    mine.update(
        stack_status=stack.status,
        status_reason=stack.reason,
        outputs=dict(stack.outputs),
        missing_since=None,
        observed_at=now,
        observe_error="",
    )
    return OBSERVE_DELAY


def sandbox_facts(account: Account) -> None:
    """Keep what the sandbox says of itself: which database and machines stand behind its answers."""
    if not account.is_sandbox:
        return
    facts = about(account.ref().endpoint_url)
    if facts and facts != account.sandbox_facts:
        Account.objects.filter(pk=account.pk).update(sandbox_facts=facts)
