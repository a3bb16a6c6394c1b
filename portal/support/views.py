"""The downloads: the support bundle of a deployment, and the archive of a first contact."""

from __future__ import annotations

from io import BytesIO

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.pages.visible import deployment_or_404
from deployments.access.rules.roles import Right
from deployments.call_logs.commands import export_support_bundle
from deployments.first_contact.commands import record_download
from deployments.first_contact.models import ContactRun
from portal.support import bundle, contact_archive


@require_POST
@may_everywhere(Right.VIEW_AUDIT, "export_support_bundle")
@never_cache
def support_bundle(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return the support bundle of a deployment as a file; this is recorded."""
    deployment = deployment_or_404(request, pk)
    export_support_bundle(user=request.user, deployment=deployment)
    content = BytesIO()
    bundle.write(content, deployment, with_aws=False)
    return _file(content, bundle.name_of(deployment, timezone.now()))


@require_POST
@may_everywhere(Right.MANAGE_ACCOUNTS, "download_first_contact")
@never_cache
def first_contact_archive(request: AuthedRequest, pk: int, run: int) -> HttpResponse:
    """Return the archive of a first contact as a file; this is recorded."""
    found = get_object_or_404(ContactRun.objects.filter(account=pk), pk=run)
    record_download(user=request.user, run=found)
    content = BytesIO()
    contact_archive.write(content, found)
    return _file(content, contact_archive.name_of(found, timezone.now()))


def _file(content: BytesIO, name: str) -> HttpResponse:
    return HttpResponse(
        content.getvalue(),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
