"""What a view is given, and who may ask for changes."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class AuthedRequest(HttpRequest):
    """A request that went through the middleware: somebody is logged in (LoginRequiredMiddleware)."""

    user: User
    htmx: HtmxDetails


# Django's own permission; a superuser has it. Who has it not may look, and is told so with 403.
may_deploy = permission_required("deployments.add_deployment", raise_exception=True)
