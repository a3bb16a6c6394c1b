"""Template sets and their versions: reading them, fetching, and the status of a version."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from deployments.access.api import keyset
from deployments.access.api.filters import Name
from deployments.access.api.idempotency import requests
from deployments.access.api.keyset import MAX_KEY, After, Key, Limit
from deployments.access.api.requests import ApiRequest, require_somewhere
from deployments.access.api.schemas import FOR_LIST, FOR_ONE, Nothing
from deployments.access.rules.roles import Right
from deployments.template_sets.api.schemas import (
    FetchOut,
    FetchPage,
    SetOut,
    SetPage,
    StatusBody,
    VersionChangesOut,
    VersionOut,
    VersionPage,
)
from deployments.template_sets.commands.sources import MAX_ARCHIVE, request_fetch
from deployments.template_sets.commands.versions import set_version_status
from deployments.template_sets.display.version_diff import changes_of
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateVersion

Against = Annotated[
    int,
    Query(
        0,
        ge=0,
        le=MAX_KEY,
        description="Compare with this version of the set; without it, with the one before.",
    ),
]

router = Router(tags=["Template sets"])


@router.get("/template-sets", response={200: SetPage, **FOR_LIST}, operation_id="list_template_sets")
def list_template_sets(
    request: ApiRequest, response: HttpResponse, after: After, limit: Limit, name: Name
) -> SetPage:
    """List template sets, the newest first."""
    require_somewhere(request, Right.VIEW)
    rows = TemplateSource.objects.live().before(after)
    rows = rows.called(name) if name else rows
    return SetPage.of(request, response, rows, limit)


@router.get("/template-sets/{set_id}", response={200: SetOut, **FOR_ONE}, operation_id="get_template_set")
def get_template_set(request: ApiRequest, set_id: Key) -> SetOut:
    """Return a template set."""
    require_somewhere(request, Right.VIEW)
    return SetOut.of(get_object_or_404(TemplateSource, pk=set_id))


@router.get(
    "/template-sets/{set_id}/versions", response={200: VersionPage, **FOR_ONE}, operation_id="list_versions"
)
def list_versions(
    request: ApiRequest, response: HttpResponse, set_id: Key, after: After, limit: Limit
) -> VersionPage:
    """List the versions of a template set, the newest first; `after` is a number."""
    require_somewhere(request, Right.VIEW)
    rows = TemplateVersion.objects.of(get_object_or_404(TemplateSource, pk=set_id)).before_number(after)
    return VersionPage.of(request, response, rows, limit, "number")


@router.get("/versions/{version_id}", response={200: VersionOut, **FOR_ONE}, operation_id="get_version")
def get_version(request: ApiRequest, version_id: Key) -> VersionOut:
    """Return a version of a template set."""
    require_somewhere(request, Right.VIEW)
    return VersionOut.of(_version(version_id))


@router.get(
    "/versions/{version_id}/changes",
    response={200: VersionChangesOut, **FOR_ONE},
    operation_id="get_version_changes",
)
def get_version_changes(request: ApiRequest, version_id: Key, against: Against) -> VersionChangesOut:
    """Return the files and parameters that a version changes, without their lines."""
    require_somewhere(request, Right.VIEW)
    return VersionChangesOut.of(changes_of(_version(version_id), against))


@requests(router, "/template-sets/{set_id}/fetch", FetchOut, status=202, name="fetch_template_set")
def fetch_template_set(request: ApiRequest, set_id: Key, body: Nothing) -> FetchOut:
    """Request a fetch of new versions; it deploys nothing."""
    source = get_object_or_404(TemplateSource, pk=set_id)
    return FetchOut.of(request_fetch(user=request.user, source=source))


@requests(
    router, "/template-sets/{set_id}/archive", FetchOut, status=202, name="upload_archive", upload=MAX_ARCHIVE
)
def upload_archive(request: ApiRequest, set_id: Key) -> FetchOut:
    """Upload a zip, tar or tar.gz of at most 10 MB to a template set of archives.

    The body is the file itself. It is read by a fetch, and becomes a version if its files are new.
    """
    source = get_object_or_404(TemplateSource, pk=set_id)
    return FetchOut.of(request_fetch(user=request.user, source=source, archive=request.uploaded))


@router.get(
    "/template-sets/{set_id}/fetches", response={200: FetchPage, **FOR_ONE}, operation_id="list_fetches"
)
def list_fetches(
    request: ApiRequest, response: HttpResponse, set_id: Key, after: After, limit: Limit
) -> FetchPage:
    """List the fetches of a template set and what they found, the newest first."""
    require_somewhere(request, Right.VIEW)
    rows = TemplateFetch.objects.of(get_object_or_404(TemplateSource, pk=set_id)).defer("archive")
    return FetchPage.of(request, response, keyset.before(rows, after), limit)


@router.get("/fetches/{fetch_id}", response={200: FetchOut, **FOR_ONE}, operation_id="get_fetch")
def get_fetch(request: ApiRequest, fetch_id: Key) -> FetchOut:
    """Return a fetch of a template set: whether it has ended, and what it found."""
    require_somewhere(request, Right.VIEW)
    return FetchOut.of(get_object_or_404(TemplateFetch.objects.defer("archive"), pk=fetch_id))


@requests(router, "/versions/{version_id}/status", VersionOut, name="set_version_status")
def set_status(request: ApiRequest, version_id: Key, body: StatusBody) -> VersionOut:
    """Set the status of a version: whether it is offered, and whether it may be deployed."""
    version = _version(version_id)
    set_version_status(user=request.user, version=version, status=body.status.value, reason=body.reason)
    return VersionOut.of(_version(version_id))


def _version(pk: int) -> TemplateVersion:
    return get_object_or_404(TemplateVersion.objects.for_page(), pk=pk)
