"""The second database of an environment on its page: its data, and whether one can be restored."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from deployments.access.commands.requesting import CHANGE
from deployments.access.models.permissions import can
from deployments.changes.commands.restoring import set_with_second
from deployments.common.errors import UserFixable
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of
from deployments.template_sets.models import stored_sets


def databases_view(environment: Environment, user: User) -> dict[str, Any]:
    """Return the data that the second database was restored from, and whether the servers use it.

    Also whether the person may restore one.
    """
    base = base_of(environment)
    template_set = stored_sets.find(base.template_digest) if base else None
    found: dict[str, Any] = {"may_restore_beside": False}
    if template_set:
        second = template_set.second
        found["second_data"] = second.restore.read(environment.parameters)
        found["second_is_used"] = second.is_used(environment.parameters)
    if environment.account.is_recording or not can(user, CHANGE, environment):
        return found
    try:
        set_with_second(environment)
    except UserFixable:
        return found
    return found | {"may_restore_beside": True}
