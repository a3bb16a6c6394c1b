"""Requesting that what remains in AWS is searched for again, or deleted."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import transaction

from deployments.actions.delete import require_typed_name
from deployments.actions.operate import request_action
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import ActionRequest, Deployment
from deployments.models.remaining import remaining_of
from deployments.runner.remaining import request_search

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def request_new_search(deployment: Deployment) -> None:
    """Request that what remains of a deployment that has ended is searched for again.

    Raises UserFixable while it runs.
    """
    if deployment.is_active:
        raise UserFixable("EnvironmentBusy", Code.ENVIRONMENT_BUSY, environment=deployment.environment.name)
    with transaction.atomic():
        request_search(deployment)


def request_deletion_of(
    *, user: User, deployment: Deployment, chosen: Collection[tuple[str, str]], typed_name: str
) -> ActionRequest:
    """Request the deletion of remaining resources, given as (type, id).

    Raises UserFixable when the environment's name was not typed as it is, or nothing was chosen that the
    search found and Sanso can delete.
    """
    deletable = {(one.type, one.id) for one in remaining_of(deployment).deletable}
    wanted = sorted(deletable & set(chosen))
    if not wanted:
        raise UserFixable("NothingChosen", Code.NOTHING_TO_DELETE, "resources")
    require_typed_name(deployment.environment, typed_name)
    return request_action(
        user,
        deployment.environment,
        "delete_remaining",
        {"deployment": deployment.pk, "resources": [list(one) for one in wanted]},
        str(deployment.pk),
    )
