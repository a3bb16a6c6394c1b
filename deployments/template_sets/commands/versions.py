"""Set the status of a version of a template set, and confirm a moved tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.access.commands.requesting import MANAGE_SETS, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets.models.versions import (
    ACTIVE,
    DEPRECATED,
    WITHDRAWN,
    TemplateRef,
    TemplateVersion,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

ACTIONS = {ACTIVE: "activate_version", DEPRECATED: "deprecate_version", WITHDRAWN: "withdraw_version"}


def set_version_status(
    *, user: User, version: TemplateVersion, status: str, reason: str = ""
) -> TemplateVersion:
    """Set the status of a version, with a reason unless it becomes active again; nothing is deployed.

    Raise UserFixable without a reason, or if it already has the status.
    """
    request = CommandRequest(
        user=user,
        action=ACTIONS.get(status, ACTIONS[ACTIVE]),
        permission=MANAGE_SETS,
        reason=reason,
        name=version.source.name,
        details={"version": version.label, "number": version.number},
    )
    with requesting(request):
        row = TemplateVersion.objects.select_for_update().get(pk=version.pk)
        if row.status == status or status not in ACTIONS:
            raise UserFixable("StatusUnchanged", Code.VERSION_STATUS_UNCHANGED, "status")
        if status != ACTIVE and not reason.strip():
            raise UserFixable("ReasonMissing", Code.REASON_MISSING, "reason")
        request.changes({"status": row.status}, {"status": status})
        row.status, row.status_reason, row.status_by = status, reason.strip(), user
        row.status_at = timezone.now()
        row.save(update_fields=["status", "status_reason", "status_by", "status_at"])
        return row


def confirm_moved_tag(*, user: User, ref: TemplateRef) -> TemplateRef:
    """Confirm that a tag may point at another version than before, which ends its warning. Raise UserFixable
    if the tag needs no confirmation.
    """
    request = CommandRequest(user=user, action="confirm_tag", permission=MANAGE_SETS, name=ref.source.name)
    request.details = {"tag": ref.name, "version": ref.version.label}
    request.before = {"version": ref.moved_from.label if ref.moved_from else ""}
    request.after = {"version": ref.version.label}
    with requesting(request):
        rows = TemplateRef.objects.moved_tags().filter(pk=ref.pk, version=ref.version_id)
        if not rows.update(confirmed_at=timezone.now(), confirmed_by=user):
            raise UserFixable("TagNotMoved", Code.TAG_NOT_MOVED)
        return ref
