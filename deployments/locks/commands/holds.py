"""The check of each command: an environment that is locked and an account that is frozen refuse it."""

from __future__ import annotations

from deployments.access.commands.requesting import CommandRequest
from deployments.common.errors import refuse
from deployments.environments.models.environments import Environment
from deployments.locks.models import freeze_hold, lock_hold

WHILE_LOCKED = frozenset(
    [
        *("lock", "unlock", "break_lock"),
        *("change", "preview", "discard", "search_remaining", "dismiss_failure"),
        *("approve", "deny", "bypass_approval", "require_approval", "stop_requiring_approval"),
        *("give_role", "remove_role"),
        "cancel",  # running operations may be stopped
    ]
)
"""Requests that are allowed while the environment is locked: they do not change it, or they stop
something."""

WHILE_NOT_FROZEN = frozenset(
    [
        *("deploy", "apply", "delete", "approve_deletion", "bypass_deletion", "clean_up", "force_delete"),
        "start_scheduled",
    ]
)
"""Requests that a freeze of the account refuses: they begin a deployment."""


def refuse_if_held(request: CommandRequest) -> None:
    """Raise UserFixable if the environment is locked or the account frozen, for requests that this blocks.

    The environment's row is locked to order a simultaneous lock and request; not for requests about a
    deployment, whose row is locked and which is checked again before it begins.
    """
    environment = request.environment
    if environment and not environment.deleted_at and request.action not in WHILE_LOCKED:
        if request.deployment is None:
            list(Environment.objects.select_for_update().filter(pk=environment.pk))
        refuse_if_locked(environment)
    account = environment.account if environment else request.account
    if account is None or request.begins_later or request.action not in WHILE_NOT_FROZEN:
        return
    freeze = freeze_hold(account)
    refuse("Frozen", freeze.message if freeze else None)


def refuse_if_locked(environment: Environment) -> None:
    """Raise UserFixable if an environment is locked, with the owner, the reason and the end."""
    hold = lock_hold(environment)
    refuse("Locked", hold.message if hold else None)
