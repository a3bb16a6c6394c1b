"""The audit records: the list with its filters, each with a page, and the list as a file."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import cast

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord, AuditRecordQuerySet
from deployments.access.pages.requests import AuthedRequest
from deployments.access.rules.roles import Right
from deployments.audit.commands import export_audit
from deployments.audit.pages import records
from deployments.audit.pages.export import FORMATS, AuditFormat
from deployments.audit.pages.filters import AuditFilter
from deployments.common.pages.choices import CURSOR, query
from deployments.common.pages.lists import page_in_order
from deployments.common.pages.locale import Locale
from deployments.live import broadcaster, reads
from deployments.live.access import StreamAccess
from deployments.live.exports import counted, rejected
from deployments.live.streams import TooMany

PAGE = 50
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
    given = request.GET
    wanted = AuditFilter.of(given)
    order = given.get("sort", "") if given.get("sort") in records.ORDERS else ""
    found, more = page_in_order(wanted.records(rows), records.ORDERS, given, PAGE)
    context = {
        "rows": records.rows(found),
        "more": more,
        "first": query(given) if given.get(CURSOR) else "",
        "order": order,
        "caption": _("Requests: %(order)s") % {"order": records.ORDERS[order].label},
        "wanted": wanted,
        "menus": records.menus(wanted, request.user, order),
        "filtered": query(given),
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
    wanted, locale = AuditFilter.of(request.GET), Locale.of(request)
    exports = broadcaster.current().exports
    try:
        viewer = exports.admit(key, StreamAccess(user=user.pk, grants=frozenset()))
    except TooMany as exc:
        return rejected(exc)
    try:
        await sync_to_async(export_audit)(user=user, filters=wanted.values, kind=kind)
    except BaseException:
        exports.leave(viewer)
        raise
    await sync_to_async(connections.close_all)()  # batches are read by their own threads
    name = f"audit-{timezone.now():%Y%m%d-%H%M%S}.{kind}"
    return StreamingHttpResponse(
        counted(file(FORMATS[kind], wanted, locale), exports, viewer),
        content_type=FORMATS[kind].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


async def file(kind: AuditFormat, wanted: AuditFilter, locale: Locale) -> AsyncGenerator[bytes, None]:
    """Yield the records in batches; each begins after the previous one's end."""
    yield kind.before.encode()
    last, number, between = 0, 0, ""
    while number < MAX_EXPORTED:
        text, last = await reads.in_thread(_batch, kind, wanted, locale, last)
        if text:
            yield f"{between}{text}".encode()
            between = kind.between
        if not last:
            break
        number += BATCH
    yield kind.after.encode()


def _batch(kind: AuditFormat, wanted: AuditFilter, locale: Locale, before: int) -> tuple[str, int]:
    """Return the text of the batch before a record, and the last record's key; 0 if no more follow."""
    with locale.active():
        rows = wanted.records(AuditRecord.objects.for_list())
        batch = list((rows.before(before) if before else rows)[:BATCH])
        text = kind.write(batch) if batch else ""
    return text, batch[-1].pk if len(batch) == BATCH else 0
