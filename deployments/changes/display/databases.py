"""The databases of an environment on its page: their data, and whether one can be restored or switched to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from deployments.access.commands.requesting import CHANGE
from deployments.access.models.permissions import can
from deployments.changes.commands.databases import set_for
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import SECOND, DatabaseChange, RestoredData


def databases_view(environment: Environment, user: User) -> dict[str, Any]:
    """Return the data that the second database was restored from, and whether the servers use it.

    Also what the person may do: restore one beside, or switch to the one that is not in use.
    """
    base = base_of(environment)
    template_set = stored_sets.find(base.template_digest) if base else None
    if template_set is None:
        return {}
    second, values = template_set.second, environment.parameters
    found: dict[str, Any] = {
        "second_data": second.restore.read(values),
        "second_is_used": second.used(values) == SECOND,
        "used": second.used(values),
        "beside": second.beside(values),
    }
    if environment.account.is_recording or not can(user, CHANGE, environment):
        return found
    switch = DatabaseChange(switch_to=second.beside(values))
    return found | {
        "may_restore_beside": _is_possible(environment, DatabaseChange(restore=RestoredData())),
        "may_switch": bool(switch.switch_to) and _is_possible(environment, switch),
    }


def switched_to(deployment: Deployment) -> str:
    """Return the database that the servers use only after a change; "" if they keep theirs."""
    template_set = stored_sets.find(deployment.template_digest)
    if template_set is None or deployment.base is None:
        return ""
    return template_set.second.switched_to(deployment.base.parameters, deployment.parameters)


def _is_possible(environment: Environment, wanted: DatabaseChange) -> bool:
    try:
        set_for(environment, wanted)
    except UserFixable:
        return False
    return True
