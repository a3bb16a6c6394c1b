"""Versions of a template set: their status, moved tags, the channels that offer them, their stored files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from deployments.access.commands.requesting import CHANGE, MANAGE_SETS, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.environments import Environment
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import (
    ACTIVE,
    DEPRECATED,
    WITHDRAWN,
    TemplateRef,
    TemplateVersion,
)
from deployments.template_sets.rules.version_diff import differing_files

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def stored_set(digest: str) -> template_files.TemplateSet | None:
    """Return the template set with a digest; None if it is not stored."""
    return stored_sets.find(digest)


def set_of_version(version: TemplateVersion) -> template_files.TemplateSet:
    """Return the files of a version, which are kept even if its source is gone.

    Raise UserFixable if they are not stored, or this version of Sanso cannot read them.
    """
    found = stored_sets.find(version.digest)
    if found is None:
        raise UserFixable("TemplateSetNotStored", Code.TEMPLATE_VERSION_NOT_STORED, version=version.label)
    return found


_differing: dict[tuple[str, str], tuple[str, ...]] = {}
"""The files that differ between two sets by the digests of the sets, which identify their files."""


def files_that_differ(before: str, after: str) -> tuple[str, ...] | None:
    """Return the names of the files that differ between the sets with two digests.

    None if one of them is not stored, or this version of Sanso cannot read it.
    """
    if (before, after) not in _differing:
        try:
            old, new = stored_sets.find(before), stored_sets.find(after)
        except UserFixable:
            return None
        if old is None or new is None:
            return None
        contents = (template_files.content_of(one) for one in (old, new))
        _differing[before, after] = differing_files(*contents)
    return _differing[before, after]


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


MAX_LENGTH = 255
MAX_PATTERNS = 10


def set_channel(*, user: User, environment: Environment, channel: str) -> str:
    """Set the patterns of branches and tags that an environment follows ("" for none), and return them.
    Nothing is deployed. Raise UserFixable if the environment is deleted or the patterns are invalid.
    """
    request = CommandRequest(user=user, action="set_channel", permission=CHANGE, environment=environment)
    request.details = {"channel": channel[:MAX_LENGTH], "before": environment.channel}
    with requesting(request):
        _refuse_if_deleted(environment)
        patterns = channel.split()
        cleaned = " ".join(patterns)
        if len(patterns) > MAX_PATTERNS or len(cleaned) > MAX_LENGTH or not cleaned.isprintable():
            raise UserFixable("ChannelInvalid", Code.CHANNEL_INVALID, "channel", limit=MAX_PATTERNS)
        request.changes({"channel": environment.channel}, {"channel": cleaned})
        Environment.objects.filter(pk=environment.pk).update(channel=cleaned)
        return cleaned


def resume_updates(*, user: User, environment: Environment) -> None:
    """Let the channel offer a version again after a rollback from it.

    Raise UserFixable if nothing is paused.
    """
    request = CommandRequest(user=user, action="resume_updates", permission=CHANGE, environment=environment)
    with requesting(request):
        _refuse_if_deleted(environment)
        request.before, request.after = {"updates": "paused"}, {"updates": "resumed"}
        if not Environment.objects.paused().filter(pk=environment.pk).update(went_back_from=None):
            raise UserFixable("NoUpdatePaused", Code.NO_UPDATE_PAUSED)


def _refuse_if_deleted(environment: Environment) -> None:
    if environment.deleted_at:
        raise UserFixable("AlreadyDeleted", Code.ENVIRONMENT_ALREADY_DELETED)
