"""The routes of the API, and what all of its responses have in common."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, re_path

from deployments.api import (
    access,
    accounts,  # noqa: F401
    approval_rules,  # noqa: F401
    changes,  # noqa: F401  # adds its operations to the router
    decisions,  # noqa: F401
    deployments,
    environments,
    me,
    notifications,
    operations,  # noqa: F401
    records,
    remaining,  # noqa: F401
    sources,  # noqa: F401
    stream,  # noqa: F401
    template_sets,
    timelines,
)
from deployments.api.endpoint import endpoint, unknown
from deployments.api.list_filters import known_parameters
from deployments.api.problems import add_handlers
from deployments.api.requests import BearerToken, BrowserSession
from deployments.api.schema import DocumentedApi

DESCRIPTION = """What the portal's pages can do, for programs.

Send an API token in the header Authorization, as Bearer sanso_…; the page API tokens creates one. Errors are
problem+json (RFC 9457) with the codes and texts of the pages. Lists have pages: follow next."""

api = DocumentedApi(
    title="Sanso",
    version="1",
    description=DESCRIPTION,
    openapi_url=None,
    docs_url=None,
    auth=[BearerToken(), BrowserSession()],
    urls_namespace="api",
    servers=[
        {
            "url": "{portal}",
            "description": "The portal",
            "variables": {"portal": {"default": "https://sanso.example.com", "description": "SANSO_URL"}},
        }
    ],
)
add_handlers(api)
api.add_decorator(known_parameters, mode="view")
for module in (environments, deployments, timelines, template_sets, records, access, notifications, me):
    api.add_router("", module.router)


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: HttpRequest) -> JsonResponse:
    """Return the OpenAPI document of this API."""
    return JsonResponse(api.get_openapi_schema())


def _patterns() -> list[URLPattern]:
    found: list[URLPattern] = []
    for pattern in api.urls[0]:
        if isinstance(pattern, URLPattern) and pattern.name != "api-root":
            pattern.callback = endpoint(pattern.callback)
            found.append(pattern)
    return [*found, re_path(r"", endpoint(unknown), name="api-root")]


urlpatterns: tuple[list[URLPattern | URLResolver] | Any, str, str] = (_patterns(), *api.urls[1:])
