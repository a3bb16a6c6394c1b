"""The databases of an environment on its page: their data, and whether one can be restored or switched to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.access.commands.requesting import CHANGE
from deployments.access.models.permissions import can
from deployments.changes.commands.databases import set_for
from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of
from deployments.template_sets.models import stored_sets
from deployments.template_sets.template_files.restored_data import (
    DatabaseChange,
    RestoredData,
    SecondDatabase,
    other,
)


def databases_view(environment: Environment, user: User) -> dict[str, Any]:
    """Return which database the servers use, which one is beside it, and the data that this began with.

    Also what the person may do: restore one beside, or switch to the one that is not in use, or delete it.
    """
    base = base_of(environment)
    template_set = stored_sets.find(base.template_digest) if base else None
    if template_set is None:
        return {}
    second, values = template_set.second, environment.parameters
    found: dict[str, Any] = {
        "used": second.used(values),
        "beside": (beside := second.beside(values)),
        "beside_data": second.data_of(beside).read(values),
        "is_emptied": bool(second.emptied(values)),
    }
    if environment.account.is_recording or not can(user, CHANGE, environment):
        return found
    switch, delete = DatabaseChange(switch_to=beside), DatabaseChange(delete=beside)
    return found | {
        "may_restore_beside": _is_possible(environment, DatabaseChange(restore=RestoredData())),
        "may_switch": bool(beside) and _is_possible(environment, switch),
        "may_delete_database": bool(beside) and _is_possible(environment, delete),
    }


SEARCHED = 200
"""Maximum number of changes in which the last switch is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseDeletion:
    """The deletion of a database that is not in use.

    `is_last`: this change deletes the cluster, after an earlier one has removed its instances. `was_used` is
    False if the servers never used it; `used_until` is when they were switched to the other one, if known.
    """

    slot: str
    used: str
    is_last: bool
    was_used: bool
    used_until: datetime | None


def deletion_of(environment: Environment, slot: str) -> DatabaseDeletion | None:
    """Return what the next change to delete a database does; None if the template set is not known."""
    base = base_of(environment)
    template_set = stored_sets.find(base.template_digest) if base else None
    if template_set is None:
        return None
    second = template_set.second
    is_last = second.emptied(environment.parameters) == slot
    return _deletion(environment, second, slot, is_last=is_last, at=timezone.now())


def previewed_deletion(deployment: Deployment) -> DatabaseDeletion | None:
    """Return the deletion of a database by a change; None if it deletes none."""
    template_set, base = stored_sets.find(deployment.template_digest), deployment.base
    if template_set is None or base is None:
        return None
    second = template_set.second
    slot = second.deleted(base.parameters, deployment.parameters)
    if not slot:
        return None
    is_last = slot not in second.slots(deployment.parameters)
    return _deletion(deployment.environment, second, slot, is_last=is_last, at=deployment.created_at)


def _deletion(
    environment: Environment, second: SecondDatabase, slot: str, *, is_last: bool, at: datetime
) -> DatabaseDeletion:
    """Return the deletion with what the changes before a time did with the database."""
    was_used, used_until = True, None
    changes = Deployment.objects.good_of(environment.pk).filter(base__isnull=False, ended_at__lte=at)
    for one in changes.select_related("base")[:SEARCHED]:
        before: dict[str, str] = one.base.parameters if one.base else {}
        if second.switched_to(before, one.parameters) == other(slot):
            used_until = one.ended_at
            break
        if second.added(before, one.parameters) == slot:
            was_used = False
            break
    return DatabaseDeletion(
        slot=slot, used=other(slot), is_last=is_last, was_used=was_used, used_until=used_until
    )


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
