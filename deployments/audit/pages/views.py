"""The audit records: the list with its filters, each with a page, and the list as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import cast

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord, AuditRecordQuerySet
from deployments.access.pages.requests import AuthedRequest
from deployments.access.rules.roles import Right
from deployments.audit.commands import export_audit
from deployments.audit.pages import records
from deployments.audit.pages.export import FORMATS, AuditFormat
from deployments.audit.pages.record_list import RECORDS
from deployments.common.pages.choices import query
from deployments.common.pages.locale import Locale
from deployments.live import broadcaster, reads
from deployments.live.access import StreamAccess
from deployments.live.exports import counted, rejected
from deployments.live.streams import TooMany

BATCH = 2000
MAX_EXPORTED = 100_000
"""Maximum number of records in one file: filter by days for more."""


@require_GET
def audit_list(request: AuthedRequest) -> HttpResponse:
    """Show the records that the person may see, newest first, filtered by the address."""
    if not records.may_view_audit(request.user):
        raise PermissionMissing(Right.VIEW_AUDIT)
    return _page(request, records.visible_records(request.user), is_own=False)


@require_GET
def audit_own(request: AuthedRequest) -> HttpResponse:
    """Show the person's own records, which need no permission."""
    return _page(request, AuditRecord.objects.for_list().of_user(request.user.pk), is_own=True)


def _page(request: AuthedRequest, rows: AuditRecordQuerySet, *, is_own: bool) -> HttpResponse:
    context = RECORDS.context(rows, request.GET, request.user)
    context |= {
        "rows": [(records.row(one), query(request.GET, person=one.username)) for one in context["rows"]],
        "filtered": query(request.GET),
        "is_own": is_own,
        "may_export": records.may_export(request.user),
        "may_view_audit": records.may_view_audit(request.user),
    }
    return render(request, "audit/audit_records.html", context)


@require_GET
def audit_record(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one record in full; those of others only with the permission."""
    record = get_object_or_404(AuditRecord.objects.for_list(), pk=pk)
    if not records.may_view(request.user, record):
        raise PermissionMissing(Right.VIEW_AUDIT)
    context = {
        "record": record,
        "row": records.row(record),
        "differences": records.differences(record),
        "details": records.details(record),
        "permission": records.permission_text(record),
        "may_view_audit": records.may_view_audit(request.user),
    }
    return render(request, "audit/audit_record.html", context)


@require_GET
@never_cache
async def audit_export(request: HttpRequest, kind: str) -> HttpResponse | StreamingHttpResponse:
    """Return the records that match the filters in the address as a file, newest first; this is recorded."""
    if kind not in FORMATS:
        raise Http404
    user, key = cast("User", await request.auser()), request.session.session_key or ""
    given, locale = request.GET, Locale.of(request)
    exports = broadcaster.current().exports
    try:
        viewer = exports.admit(key, StreamAccess(user=user.pk, grants=frozenset()))
    except TooMany as exc:
        return rejected(exc)
    try:
        await sync_to_async(export_audit)(user=user, filters=RECORDS.values(given), kind=kind)
    except BaseException:
        exports.leave(viewer)
        raise
    await sync_to_async(connections.close_all)()  # batches are read by their own threads
    name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.{kind}"
    return StreamingHttpResponse(
        counted(file(FORMATS[kind], given, locale), exports, viewer),
        content_type=FORMATS[kind].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


async def file(kind: AuditFormat, given: QueryDict, locale: Locale) -> AsyncGenerator[bytes, None]:
    """Yield the records in batches; each begins after the previous one's end."""
    yield kind.before.encode()
    last, number, between = 0, 0, ""
    while number < MAX_EXPORTED:
        text, last = await reads.in_thread(_batch, kind, given, locale, last)
        if text:
            yield f"{between}{text}".encode()
            between = kind.between
        if not last:
            break
        number += BATCH
    yield kind.after.encode()


def _batch(kind: AuditFormat, given: QueryDict, locale: Locale, before: int) -> tuple[str, int]:
    """Return the text of the batch before a record, and the last record's key; 0 if no more follow."""
    with locale.active():
        rows = RECORDS.kept(AuditRecord.objects.for_list(), given)
        batch = list((rows.before(before) if before else rows)[:BATCH])
        text = kind.write(batch) if batch else ""
    return text, batch[-1].pk if len(batch) == BATCH else 0
