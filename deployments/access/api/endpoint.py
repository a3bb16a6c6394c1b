"""What every response of the API has: no login page, problems in place of HTML, ETags of what was read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from deployments.access.api.problems import not_found, problem
from deployments.access.api.requests import token_of
from deployments.access.rules.token_scopes import SHOWN
from deployments.common import limits
from deployments.common.cross_site import is_cross_site
from deployments.common.limits import LimitUsage
from deployments.common.request_context import TOKEN, request_context

View = Callable[..., Any]


def endpoint(view: View) -> View:
    """Return a view whose responses have what all of the API have. Its authentication checks CSRF."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def handle_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if is_cross_site(request):
                return _cross_site()
            usage = await sync_to_async(_counted)(request)
            with _acting(request):
                found = _too_many() if usage.is_exceeded else await view(request, *args, **kwargs)
            return await sync_to_async(_finished)(request, found, usage)

        return login_not_required(csrf_exempt(handle_async))

    @wraps(view)
    def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if is_cross_site(request):
            return _cross_site()
        usage = _counted(request)
        with _acting(request):
            found = _too_many() if usage.is_exceeded else view(request, *args, **kwargs)
        return _finished(request, found, usage)

    return login_not_required(csrf_exempt(handle))


def unknown(request: HttpRequest) -> HttpResponse:
    """Respond with 404: the address is unknown."""
    return not_found(request)


def _acting(request: HttpRequest) -> AbstractContextManager[Any]:
    """Record the token, if there is one, as what makes the requests; without one it is the session."""
    token = request.headers.get("Authorization", "").rpartition(" ")[2]
    return request_context(by=TOKEN, id=token[:SHOWN]) if token else nullcontext()


def _counted(request: HttpRequest) -> LimitUsage:
    return limits.of_request(request, has_token=token_of(request) is not None)


def _cross_site() -> HttpResponse:
    """Refuse a request of another site's page. It counts for no limit: others share the address."""
    return problem(403, "CrossSite", _("Pages of other sites cannot send requests to the API."))


def _too_many() -> HttpResponse:
    return problem(429, "TooManyRequests", _("Too many requests. Try again later."))


def _finished(request: HttpRequest, response: HttpResponse, usage: LimitUsage) -> Any:
    if response.status_code == 401 and "Authorization" in request.headers:
        limits.count_wrong(request)
    if response.status_code == 405:
        allowed = response["Allow"]
        response = problem(405, "MethodNotAllowed", _("This method is not allowed here."))
        response["Allow"] = allowed
    if request.method in ("GET", "HEAD") and response.status_code == 200 and not response.streaming:
        set_response_etag(response)
        response = get_conditional_response(request, response["ETag"], response=response) or response
    for name, value in usage.headers().items():  # Django's 304 keeps no others
        response[name] = value
    return response
