"""The routes of the API, and what all of its responses have in common."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, re_path

# The document has the operations in the order of these imports.
# isort: off
from deployments.environment_pages.api import operations as environment_operations
from deployments.deployment_pages.api import deployments
from deployments.accounts.api import account_list  # noqa: F401
from deployments.audit.api import operations as audit_operations
from deployments.administration.api import access
from deployments.accounts.api import accounts  # noqa: F401
from deployments.accounts.api import account_import  # noqa: F401
from deployments.accounts.api import connection  # noqa: F401
from deployments.first_contact.api import operations as contact_operations  # noqa: F401
from deployments.administration.api import freezes  # noqa: F401
from deployments.changes.api import approval_rules  # noqa: F401
from deployments.api import changes  # noqa: F401
from deployments.api import decisions  # noqa: F401
from deployments.administration.api import me
from deployments.notifications.api import operations as notification_operations
from deployments.api import operations  # noqa: F401
from deployments.recovery.api import operations as recovery_operations  # noqa: F401
from deployments.restore_drills.api import operations as drill_operations  # noqa: F401
from deployments.template_sets.api import sources  # noqa: F401
from deployments.deployment_pages.api import stream  # noqa: F401
from deployments.template_sets.api import sets
from deployments.deployment_pages.api import timelines

# isort: on
from deployments.access.api.endpoint import endpoint, unknown
from deployments.access.api.filters import known_parameters
from deployments.access.api.problems import add_handlers
from deployments.access.api.requests import BearerToken, BrowserSession
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
for module in (
    environment_operations,
    deployments,
    timelines,
    sets,
    audit_operations,
    access,
    notification_operations,
    me,
):
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
