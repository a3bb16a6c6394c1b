"""Who sends a request to the API: a program with a token, or a person's browser with its session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.errors import AuthenticationError
from ninja.security import APIKeyCookie, HttpBearer

from deployments.access.api.problems import RequestRefused
from deployments.access.commands.requesting import CommandRequest, PermissionMissing
from deployments.access.models.permissions import can, can_somewhere, limit
from deployments.access.models.tokens import ApiToken
from deployments.access.rules.roles import Right
from deployments.access.rules.token_scopes import rights_of
from deployments.environments.models.environments import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user of a request, and the token that it came with; None with a session."""

    user: User
    token: ApiToken | None = None


class ApiRequest(HttpRequest):
    """A request after its authentication: `user` has no more rights than the token covers."""

    user: User
    auth: Caller
    request_key: UUID
    uploaded: bytes


def token_of(request: HttpRequest) -> ApiToken | None:
    """Return the usable token in `Authorization: Bearer sanso_…`; None without one. It is read once."""
    if not hasattr(request, "api_token"):
        scheme, _space, value = request.headers.get("Authorization", "").partition(" ")
        is_bearer = scheme.lower() == BearerToken.openapi_scheme
        found = ApiToken.objects.with_value(value, timezone.now()) if is_bearer else None
        request.api_token = found  # type: ignore[attr-defined]
    token: ApiToken | None = request.api_token  # type: ignore[attr-defined]
    return token


def require_somewhere(request: ApiRequest, right: Right, action: str = "") -> None:
    """Raise PermissionMissing without a right about anything; what was to be requested is recorded."""
    if can_somewhere(request.user, right):
        return
    if action:
        CommandRequest(user=request.user, action=action, permission=right).record_missing_permission()
    raise PermissionMissing(right)


def require_about(request: ApiRequest, right: Right, action: str, environment: Environment) -> None:
    """Raise PermissionMissing without a right about an environment, and record what was to be requested.

    For operations that read values or states before the action checks the right.
    """
    if can(request.user, right, environment):
        return
    about = CommandRequest(user=request.user, action=action, permission=right, environment=environment)
    about.record_missing_permission()
    raise PermissionMissing(right, environment)


def require_scope(request: ApiRequest, scope: str) -> None:
    """Raise Refused if a request came with a token that does not have a scope."""
    if request.auth.token and scope not in request.auth.token.scopes:
        text = _("The token does not have the scope “%(scope)s”.") % {"scope": scope}
        raise RequestRefused(403, "ScopeMissing", text)


class BearerToken(HttpBearer):
    """A token in `Authorization: Bearer sanso_…`. It is exempt from CSRF: no browser adds it by itself."""

    openapi_description = "An API token of a person or a service account."

    def __call__(self, request: HttpRequest) -> Any:
        """Return the caller, None without the header.

        Raise AuthenticationError for another header: a session does not help then.
        """
        if "Authorization" not in request.headers:
            return None
        caller = super().__call__(request)
        if caller is None:
            raise AuthenticationError
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """Return the caller with a usable token, and write that it was used."""
        found = token_of(request)
        if found is None:
            return None
        ApiToken.objects.note_use(found, timezone.now())
        limit(found.owner, rights_of(found.scopes))
        request.user = found.owner
        return Caller(user=found.owner, token=found)


class BrowserSession(APIKeyCookie):
    """The session of a browser. Methods that change something also need the CSRF token of a page."""

    param_name = "sessionid"

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        """Return the caller of a session."""
        return Caller(user=request.user) if isinstance(request.user, User) else None
