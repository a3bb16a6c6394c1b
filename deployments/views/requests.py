"""The type of views' requests, and the permission for changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from deployments.access import can_somewhere
from deployments.actions.request import PermissionMissing, Request
from deployments.models import Deployment, Environment

P = ParamSpec("P")


class AuthedRequest(HttpRequest):
    """A request after the middleware: the user is logged in (LoginRequiredMiddleware)."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[AuthedRequest, P], HttpResponse]


def request_key_of(request: HttpRequest) -> UUID:
    """Return the key of a form, by which its second submission is known; a new one if it has none."""
    try:
        return UUID(request.POST.get("request_key", ""))
    except ValueError:
        return uuid4()


def may(permission: str, action: str = "") -> Callable[[View[P]], View[P]]:
    """Require a permission; users without it get 403.

    What they tried to request, an `action` of the audit log or else the name of the view, is recorded as
    refused.
    """

    def requiring(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not can_somewhere(request.user, permission):
                if request.method == "POST":
                    what = action or view.__name__
                    _about(request, Request(user=request.user, action=what, permission=permission))
                raise PermissionMissing(permission)
            return view(request, *args, **kwargs)

        return checked

    return requiring


def _about(request: AuthedRequest, refused: Request) -> None:
    """Record a request without its permission, with the environment or deployment of its address."""
    match = request.resolver_match
    pk = match.kwargs.get("pk") if match else None
    if pk is not None and match and match.route.startswith("deployments/"):
        refused.deployment = Deployment.objects.for_page().filter(pk=pk).first()
        refused.environment = refused.deployment.environment if refused.deployment else None
    elif pk is not None and match and match.route.startswith("environments/"):
        refused.environment = Environment.objects.filter(pk=pk).first()
    refused.record_missing_permission()
