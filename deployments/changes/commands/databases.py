"""Changes of an environment's databases: restore data beside the one in use, switch, or delete the other."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.contrib.auth.models import User

from deployments.changes.commands.preview import request_change
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of, set_of
from deployments.template_sets import template_files
from deployments.template_sets.template_files.restored_data import (
    DatabaseChange,
    RestoredData,
    SecondDatabase,
)


def request_databases(
    *, user: User, environment: Environment, wanted: DatabaseChange, reason: str, request_key: UUID
) -> Deployment:
    """Request the preview of a change that only changes the databases of an environment.

    Raise UserFixable like `request_change` and `database_values`.
    """
    template_set = set_for(environment, wanted)
    secret = {name for name, one in template_set.parameters.items() if one.no_echo}
    return request_change(
        user=user,
        environment=environment,
        parameters={
            name: value
            for name, value in template_set.fixed(environment.parameters).items()
            if name in template_set.parameters and name not in secret
        },
        reason=reason,
        request_key=request_key,
        current_set=False,
        databases=database_values(environment, template_set, wanted),
    )


def set_for(environment: Environment, wanted: DatabaseChange) -> template_files.TemplateSet:
    """Return the template set of an environment whose databases can be changed in this way.

    Raise UserFixable if the environment or its set is not there, or like `database_values`.
    """
    base = None if environment.missing_since or environment.deleted_at else base_of(environment)
    if base is None:
        raise UserFixable("NothingToChange", Code.NOTHING_TO_CHANGE)
    template_set = set_of(base)
    database_values(environment, template_set, wanted)
    return template_set


def database_values(
    environment: Environment, template_set: template_files.TemplateSet, wanted: DatabaseChange
) -> dict[str, str]:
    """Return the parameters of a change of the databases of an environment; {} without one.

    Raise UserFixable if the template set has no second database, data is to be restored beside two databases,
    the servers are to use one that does not exist, that they use already or that is being deleted, the one in
    use or the only one is to be deleted, or one is to be kept whose deletion has not begun.
    """
    second, values = template_set.second, environment.parameters
    if wanted == DatabaseChange():
        return {}
    if not second:
        raise UserFixable("RestoreNotSupported", Code.SECOND_DATABASE_NOT_SUPPORTED)
    if wanted.restore is not None:
        return _restored_beside(second, values, wanted.restore)
    if wanted.delete:
        return _deleted(second, values, wanted.delete)
    if wanted.keep:
        if wanted.keep != second.emptied(values):
            raise UserFixable("DatabaseNotEmptied", Code.DATABASE_NOT_EMPTIED, database=wanted.keep)
        return second.keeping()
    if not second.beside(values):
        raise UserFixable("SecondDatabaseMissing", Code.SECOND_DATABASE_MISSING)
    if wanted.switch_to != second.beside(values):
        raise UserFixable("DatabaseInUse", Code.DATABASE_IN_USE, database=wanted.switch_to)
    if wanted.switch_to == second.emptied(values):
        raise UserFixable("DatabaseEmptied", Code.DATABASE_EMPTIED, database=wanted.switch_to)
    return second.switched(wanted.switch_to)


def _restored_beside(second: SecondDatabase, values: Mapping[str, str], data: RestoredData) -> dict[str, str]:
    if second.beside(values):
        raise UserFixable("SecondDatabaseExists", Code.SECOND_DATABASE_EXISTS)
    found = second.restored_beside(values, data)
    if found is None:
        code = Code.RESTORE_TIME_NOT_SUPPORTED if data.cluster else Code.RESTORE_NOT_SUPPORTED
        raise UserFixable("RestoreNotSupported", code)
    return found


def _deleted(second: SecondDatabase, values: Mapping[str, str], slot: str) -> dict[str, str]:
    if not second.without_instances:
        raise UserFixable("DatabaseNotDeletable", Code.DATABASE_DELETION_NOT_SUPPORTED)
    if not second.beside(values):
        raise UserFixable("SecondDatabaseMissing", Code.ONLY_DATABASE)
    if slot != second.beside(values):
        raise UserFixable("DatabaseInUse", Code.DATABASE_NOT_DELETED, database=slot)
    return second.deleting(values, slot)
