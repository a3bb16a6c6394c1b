"""The type of views' requests, and the permission for changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from deployments.access.commands.requesting import CommandRequest, PermissionMissing
from deployments.access.models.permissions import can, can_somewhere
from deployments.access.pages.visible import deployment_or_404, environment_or_404
from deployments.common.errors import UserFixable
from deployments.common.texts import error_text

P = ParamSpec("P")


class AuthedRequest(HttpRequest):
    """A request after the middleware: the user is logged in (LoginRequiredMiddleware)."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[AuthedRequest, P], HttpResponse]


def request_key_of(request: HttpRequest) -> UUID:
    """Return the key of a form, which identifies a second submission; a new one if it has none."""
    try:
        return UUID(request.POST.get("request_key", ""))
    except ValueError:
        return uuid4()


def reload_if(request: HttpRequest, *, marker: str, moved_to: str = "") -> HttpResponse:
    """Return the answer to an open page that asks whether it is current: go elsewhere, reload, or nothing.

    `marker` is that of the content now; the page sends its own.
    """
    response = HttpResponse(status=204)
    if moved_to:
        response["HX-Redirect"] = moved_to
    elif request.GET.get("marker") != marker:
        response["HX-Refresh"] = "true"
    return response


class ShownRefusals:
    """A context in which a command may refuse a request: the next page then shows why."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, refusal: BaseException | None, _traceback: object) -> bool:
        if not isinstance(refusal, UserFixable):
            return False
        messages.error(self._request, error_text(refusal))
        return True


def may(permission: str, action: str = "") -> Callable[[View[P]], View[P]]:
    """Require a permission for the environment of the address, or else for any; users without it get 403.

    An environment that they may not view does not exist for them (404). The attempted request, an `action` of
    the audit log or else the name of the view, is recorded as refused.
    """

    def requiring(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            about = CommandRequest(user=request.user, action=action or view.__name__, permission=permission)
            if not can(request.user, permission):
                _find_rows(request, about)
                _require(request, about)
            return view(request, *args, **kwargs)

        return checked

    return requiring


def may_everywhere(permission: str, action: str) -> Callable[[View[P]], View[P]]:
    """Require a permission for everything; users without it get 403, and their request is recorded."""

    def requiring(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not can(request.user, permission):
                if request.method == "POST":
                    about = CommandRequest(user=request.user, action=action, permission=permission)
                    about.record_missing_permission()
                raise PermissionMissing(permission)
            return view(request, *args, **kwargs)

        return checked

    return requiring


def _require(request: AuthedRequest, about: CommandRequest) -> None:
    """Raise PermissionMissing without the permission, and record the request as refused."""
    environment = about.environment
    if environment is not None:
        allowed = can(request.user, about.permission, environment)
    else:
        allowed = can_somewhere(request.user, about.permission)
    if not allowed:
        if request.method == "POST":
            about.record_missing_permission()
        raise PermissionMissing(about.permission, environment)


def _find_rows(request: AuthedRequest, about: CommandRequest) -> None:
    """Add the deployment and the environment of the address. Raise Http404 if they may not be viewed."""
    match = request.resolver_match
    pk = match.kwargs.get("pk") if match else None
    if pk is not None and match and match.route.startswith("deployments/"):
        about.deployment = deployment_or_404(request, pk)
        about.environment = about.deployment.environment
    elif pk is not None and match and match.route.startswith("environments/"):
        about.environment = environment_or_404(request, pk)
