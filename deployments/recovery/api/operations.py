"""What remains in AWS after a deletion, or a creation that failed: list it, search again, delete it."""

from __future__ import annotations

from django.http import Http404

from deployments.access.api.environment_router import environment_of, router
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import Key
from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_ONE, Nothing
from deployments.environments.models.deployments import Deployment
from deployments.recovery.api.schemas import DeleteRemainingBody, RemainingOut
from deployments.recovery.commands.remaining import request_deletion_of, request_new_search
from deployments.stacks.display.action_schemas import ActionOut
from deployments.stacks.models.remaining import remaining_of

ACCEPTED = 202


@router.get(
    "/environments/{environment_id}/remaining",
    response={200: RemainingOut, **FOR_ONE},
    operation_id="list_remaining",
)
def list_remaining(request: ApiRequest, environment_id: Key) -> RemainingOut:
    """Return what remains in AWS of an environment; 404 while its latest deployment is active."""
    return _out(_latest(request, environment_id))


@requests(
    router,
    "/environments/{environment_id}/remaining/search",
    RemainingOut,
    status=ACCEPTED,
    name="search_remaining",
)
def search_remaining(request: ApiRequest, environment_id: Key, body: Nothing) -> RemainingOut:
    """Request that what remains is searched for again."""
    request_new_search(user=request.user, deployment=_latest(request, environment_id))
    return _out(_latest(request, environment_id))


@requests(
    router,
    "/environments/{environment_id}/remaining/deletion",
    ActionOut,
    status=ACCEPTED,
    name="delete_remaining",
)
def delete_remaining(request: ApiRequest, environment_id: Key, body: DeleteRemainingBody) -> ActionOut:
    """Request the deletion of remaining resources that Sanso can delete by itself."""
    found = request_deletion_of(
        user=request.user,
        deployment=_latest(request, environment_id),
        chosen=[(one.type, one.id) for one in body.resources],
        typed_name=body.typed_name,
    )
    return ActionOut.of(found)


def _latest(request: ApiRequest, environment_id: int) -> Deployment:
    """Return the deployment of which something may remain. Raise Http404 while there is none."""
    latest = environment_of(request, environment_id).latest
    if latest is None or latest.is_active:
        raise Http404("nothing is known to remain")
    return latest


def _out(deployment: Deployment) -> RemainingOut:
    return RemainingOut.of(deployment.pk, remaining_of(deployment))
