"""Deletion of the resources that the search found and a person chose."""

from __future__ import annotations

from contextlib import suppress

from deployments.aws.session import Clients
from deployments.cloudformation.remaining import RemainingResource
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable
from deployments.environments.models.deployments import Deployment
from deployments.health.rules.problems import problem_message
from deployments.recovery.steps.remaining.scope import SearchScope
from deployments.recovery.steps.remaining.services import (
    INTERFACE,
    LOG_GROUP,
    OBJECTS,
    databases,
    interfaces,
    logs,
    objects,
)
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.shared.search_request import request_search

MOST_CALLS = 8
"""Maximum number of batches of a thousand versions to delete in one step; the next search finds the rest."""


def delete_found(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Delete the chosen resources, then search again. Safe to repeat: resources that are gone are skipped.

    Only resources that the search found, and that a search now still finds and allows to delete, are deleted:
    another environment may use the same names meanwhile. Those that AWS does not delete stay, with the reason
    in the result's `problems`.
    """
    deployment = Deployment.objects.for_page().get(pk=int(str(row.arguments["deployment"])))
    chosen = {tuple(one) for one in row.arguments["resources"]}
    chosen &= {(one.type, one.id) for one in remaining_of(deployment).deletable}
    scope = SearchScope(deployment)
    found = [
        one
        for look in (databases, logs, objects, interfaces)
        for one in (look(scope, clients) if chosen else ())
        if one.can_delete and (one.type, one.id) in chosen
    ]
    problems = {}
    for one in found:
        try:
            with suppress(AwsNotFound):
                _delete(one, clients)
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            problems[one.id] = problem_message(exc).as_json()
    request_search(deployment)
    return {"deleted": len(found) - len(problems), "problems": problems}


def _delete(one: RemainingResource, clients: Clients) -> None:
    if one.type == LOG_GROUP:
        clients.logs.delete_log_group(one.id)
    elif one.type == INTERFACE:
        clients.ec2.delete_network_interface(one.id)
    elif one.type == OBJECTS:
        owner = clients.sts.caller_identity().account_id
        place = one.details["bucket"], one.details["prefix"]
        for _ in range(MOST_CALLS):
            if not clients.s3.delete_versions(*place, owner):
                return
    else:
        clients.rds.delete_backup(one.type, one.id)
