"""The type of views' requests, and the permission for changes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

P = ParamSpec("P")
DEPLOY = "deployments.add_deployment"
"""Django's own permission; a superuser has it."""


class AuthedRequest(HttpRequest):
    """A request after the middleware: the user is logged in (LoginRequiredMiddleware)."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[AuthedRequest, P], HttpResponse]


def may(permission: str) -> Callable[[View[P]], View[P]]:
    """Require a permission; users without it get 403."""

    def requiring(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: AuthedRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied(f"the permission {permission} is missing")
            return view(request, *args, **kwargs)

        return checked

    return requiring


def may_deploy(view: View[P]) -> View[P]:
    """Require the permission to deploy; other users get 403."""
    return may(DEPLOY)(view)
