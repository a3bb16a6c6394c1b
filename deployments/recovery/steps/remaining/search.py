"""The search for what remains, service by service, and the deletion of what it found and a person chose."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db import transaction
from django.utils import timezone

from deployments.aws.session import Clients
from deployments.aws.tagged_arns import read_arn
from deployments.cloudformation.remaining import Billing, Reason, RemainingResource, SearchState
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, Message
from deployments.environments.models.deployments import Deployment
from deployments.failures.shared import notices
from deployments.health.rules.problems import problem_message
from deployments.recovery.steps.remaining.scope import SearchScope
from deployments.recovery.steps.remaining.services import (
    INTERFACE,
    LOG_GROUP,
    OBJECTS,
    SERVICES,
    databases,
    interfaces,
    logs,
    objects,
)
from deployments.stacks.models.action_requests import ActionRequest
from deployments.stacks.models.remaining import remaining_of
from deployments.stacks.shared import event_log
from deployments.stacks.shared.finalize import request_search


def search(row: ActionRequest, clients: Clients) -> dict[str, object]:
    """Search every service that this request has not searched yet, and store the results.

    For a service that denies access, store the reason. Raise AwsRetryable if a service may respond later;
    `abandon` is for one that never does.
    """
    deployment = _deployment(row)
    scope = SearchScope(deployment)
    for name, look in SERVICES.items():
        if name in _searched(row):
            continue
        try:
            found = look(scope, clients)
        except AwsRetryable:
            raise
        except AwsFailure as exc:
            _keep(row, deployment, name, {"problem": problem_message(exc).as_json()})
        else:
            _keep(row, deployment, name, {"resources": [one.as_json() for one in found]})
    _end(row, deployment)
    return {}


def abandon(row: ActionRequest, why: Message) -> None:
    """End a search whose attempts are used up: store the reason for each service that was not searched."""
    deployment = _deployment(row)
    for name in SERVICES:
        if name not in _searched(row):
            _keep(row, deployment, name, {"problem": why.as_json()})
    _end(row, deployment)


def _deployment(row: ActionRequest) -> Deployment:
    return Deployment.objects.for_page().get(pk=int(str(row.arguments["deployment"])))


def _searched(row: ActionRequest) -> list[str]:
    """Return the services that this request has searched."""
    names: list[str] = row.result.get("searched", [])
    return names


def _keep(row: ActionRequest, deployment: Deployment, service: str, found: dict[str, Any]) -> None:
    """Store the results of a service, in place of those of an earlier search."""
    kept: dict[str, Any] = deployment.remaining
    row.result = row.result | {"searched": [*_searched(row), service]}
    with transaction.atomic():
        _write(deployment, kept | {"services": kept.get("services", {}) | {service: found}})
        ActionRequest.objects.filter(pk=row.pk, version=row.version).update(result=row.result)


def _end(row: ActionRequest, deployment: Deployment) -> None:
    kept: dict[str, Any] = deployment.remaining
    services = _each_once({name: one for name, one in kept["services"].items() if name in SERVICES})
    problems = [name for name, one in services.items() if "problem" in one]
    state = SearchState.INCOMPLETE if problems else SearchState.DONE
    found = [
        RemainingResource.from_json(kind) for one in services.values() for kind in one.get("resources", ())
    ]
    now = timezone.now()
    with transaction.atomic():
        _write(
            deployment,
            {"search": str(state), "services": services, "searched_at": now.isoformat()},
        )
        event_log.add(
            deployment,
            "remaining.searched",
            key=str(row.pk),
            resources=len(found),
            billed=sum(one.billing is Billing.BILLED for one in found),
            problems=len(problems),
        )
        notices.remaining_searched(deployment, now)


def _each_once(services: dict[str, Any]) -> dict[str, Any]:
    """Return the results without the resources that the tag search found a second time."""
    rows = [row for one in services.values() for row in one.get("resources", ())]
    named = {row["details"].get("arn") for row in rows}
    names = {row["id"] for row in rows if row["reason"] != Reason.TAGGED}

    def is_double(row: dict[str, Any]) -> bool:
        arn = read_arn(row["id"])
        return row["reason"] == Reason.TAGGED and (arn.text in named or bool(names & {arn.name, arn.last}))

    return {
        name: one | {"resources": [row for row in one["resources"] if not is_double(row)]}
        if "resources" in one
        else one
        for name, one in services.items()
    }


def _write(deployment: Deployment, kept: dict[str, Any]) -> None:
    deployment.remaining = kept
    Deployment.objects.filter(pk=deployment.pk).update(remaining=kept)


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
