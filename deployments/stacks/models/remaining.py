"""The remaining resources in AWS of an ended deployment, from its rows and the search after its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from deployments.cloudformation.remaining import Reason, Remaining, RemainingResource, SearchState, billing_of
from deployments.cloudformation.status import is_failed, is_retained
from deployments.common.errors import Message
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.outcome import SANDBOX_RESTARTED, STACK_GONE
from deployments.stacks.models.stacks import Resource


def remaining_of(deployment: Deployment) -> Remaining:
    """Return the remaining resources in AWS of a failed creation or of a deletion (one query).

    Resources in its stacks are included as soon as the deployment has ended: those that CloudFormation
    created and did not delete, each with `Reason.NOT_DELETED`, or `Reason.RETAINED` if its DeletionPolicy is
    Retain. Resources outside of stacks (snapshots, log groups, objects, …) are added by the search, which
    runs for a few seconds after the end: `search` is PENDING until then, and INCOMPLETE if a service could
    not be searched, with the reasons in `problems`.

    The result is empty while the deployment runs, and if it succeeded in creating its environment. Call it
    for the environment's latest deployment: the rows of an earlier one have the state at its end.
    """
    without = ("update", "rollback", "rollback_update")
    if deployment.is_active or (deployment.kind in without and not deployment.creates):
        return Remaining()
    if deployment.creates and deployment.state == "succeeded":
        return Remaining()
    kept: dict[str, Any] = deployment.remaining
    found, problems = _found(kept.get("services", {}))
    known = {one.id for one in found}
    by_policy = not _is_without_some(deployment)
    of_stacks = [
        one for row in _rows(deployment) if (one := _of_row(row, by_policy=by_policy)).id not in known
    ]
    searched_at = kept.get("searched_at")
    environment = deployment.environment
    has_stack = bool(environment.stack_id) and not environment.deleted_at
    return Remaining(
        resources=(*of_stacks, *found),
        stack_status=environment.stack_status if has_stack else "",
        search=SearchState(kept.get("search", SearchState.NONE)),
        searched_at=datetime.fromisoformat(searched_at) if searched_at else None,
        problems=problems,
    )


def _found(services: dict[str, Any]) -> tuple[list[RemainingResource], dict[str, Message]]:
    """Return the resources of each service, and why one could not be searched."""
    rows = [row for service in services.values() for row in service.get("resources", ())]
    problems = {name: read_message(service.get("problem")) for name, service in services.items()}
    return (
        [one for row in rows if (one := _read(row))],
        {name: message for name, message in problems.items() if message},
    )


def _rows(deployment: Deployment) -> Iterable[Resource]:
    """Return the rows of the resources that still exist.

    For a stack that is gone, only the retained ones: the last events of others may be missing. A deletion
    that was forced, or that leaves selected resources, ends although some could not be deleted.
    """
    if deployment.error_code == SANDBOX_RESTARTED:
        return []
    rows: Iterable[Resource] = Resource.objects.remaining_of(deployment)
    if deployment.kind == "update":  # its own rows cover only a part of the resources
        rows = Resource.objects.newest_of(deployment.environment)
    gone = deployment.state == "succeeded" or deployment.error_code == STACK_GONE
    if not gone:
        return rows
    left = _is_without_some(deployment)
    return [row for row in rows if is_retained(row.status) or (left and is_failed(row.status))]


def _is_without_some(deployment: Deployment) -> bool:
    """Return whether a deletion goes on without what it cannot delete: forced, or with selected resources."""
    return bool(deployment.options.get("force") or deployment.options.get("retain"))


def _of_row(row: Resource, *, by_policy: bool) -> RemainingResource:
    """Return the resource of a row. `by_policy`: only a DeletionPolicy can have retained it."""
    return RemainingResource(
        type=row.type,
        id=row.physical_id,
        reason=Reason.RETAINED if by_policy and is_retained(row.status) else Reason.NOT_DELETED,
        billing=billing_of(row.type),
        path=row.path,
        details={"status": row.status},
    )


def _read(row: Any) -> RemainingResource | None:
    """Return a stored resource; None if a newer version of Sanso wrote it."""
    try:
        return RemainingResource.from_json(row)
    except (KeyError, ValueError):
        return None
