"""Changes of an environment's databases: restore data beside the one in use, or switch to the other one."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User

from deployments.changes.commands.preview import request_change
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.commands.change_base import base_of, set_of
from deployments.template_sets import template_files
from deployments.template_sets.template_files.restored_data import BOTH, DatabaseChange


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
    or the servers are to use one that does not exist or that they use already.
    """
    second, values = template_set.second, environment.parameters
    if wanted == DatabaseChange():
        return {}
    if not second:
        raise UserFixable("RestoreNotSupported", Code.SECOND_DATABASE_NOT_SUPPORTED)
    if wanted.restore is not None:
        if second.is_present(values):
            raise UserFixable("SecondDatabaseExists", Code.SECOND_DATABASE_EXISTS)
        return second.added(wanted.restore)
    if values.get(second.databases) != BOTH:
        raise UserFixable("SecondDatabaseMissing", Code.SECOND_DATABASE_MISSING)
    if wanted.switch_to != second.beside(values):
        raise UserFixable("DatabaseInUse", Code.DATABASE_IN_USE, database=wanted.switch_to)
    return second.switched(wanted.switch_to)
