"""Record requests to the sandbox, which take effect at once: injected failures, and server actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployments.access.commands.requesting import DEPLOY, CommandRequest, requesting
from deployments.environments.models.accounts import Account

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_of_sandbox(*, user: User, account: Account, what: str, about: str = "") -> None:
    """Record a request before the sandbox is called, so that a slow sandbox does not prolong a transaction.

    `what` is the action of the sandbox, `about` an instance, a cluster or a resource.
    """
    details = {"account": account.name, "action": what, "about": about}
    request = CommandRequest(
        user=user, action="sandbox", permission=DEPLOY, account=account, name=account.name, details=details
    )
    with requesting(request):
        pass
