"""Who sends a request."""

from __future__ import annotations

from ninja import Router

from deployments.access.api.requests import ApiRequest
from deployments.access.api.schemas import FOR_LIST
from deployments.access.models.permissions import can_somewhere
from deployments.access.rules.roles import Right
from deployments.access.texts.commands import permission_name
from deployments.administration.api.schemas.me import MeOut, TokenOut, UserOut

router = Router(tags=["Account of the request"])


@router.get("/me", response={200: MeOut, **FOR_LIST}, operation_id="get_me")
def get_me(request: ApiRequest) -> MeOut:
    """Return the user and the token of the request, and what it may do."""
    token = request.auth.token
    rights = [right for right in Right if can_somewhere(request.user, right)]
    return MeOut(
        user=UserOut.of(request.user),
        token=TokenOut.of(token) if token else None,
        rights=[right.value for right in rights],
        right_names=[permission_name(right) for right in rights],
    )
