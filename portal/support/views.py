"""The download of a support bundle from a deployment's page."""

from __future__ import annotations

from io import BytesIO

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from deployments.access.pages.requests import AuthedRequest, may_everywhere
from deployments.access.pages.visible import deployment_or_404
from deployments.access.rules.roles import Right
from deployments.call_logs.commands import export_support_bundle
from portal.support import bundle


@require_POST
@may_everywhere(Right.VIEW_AUDIT, "export_support_bundle")
@never_cache
def support_bundle(request: AuthedRequest, pk: int) -> HttpResponse:
    """Return the support bundle of a deployment as a file; this is recorded."""
    deployment = deployment_or_404(request, pk)
    export_support_bundle(user=request.user, deployment=deployment)
    content = BytesIO()
    bundle.write(content, deployment, with_aws=False)
    name = bundle.name_of(deployment, timezone.now())
    return HttpResponse(
        content.getvalue(),
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
