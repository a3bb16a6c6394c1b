"""Add, edit and remove template sets, fetch them, and set up and receive their webhooks."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from django.db import IntegrityError
from django.utils import timezone

from deployments.access.commands.requesting import MANAGE_SETS, CommandRequest, requesting
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt, encrypt, encrypt_values
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.rules.incoming_webhooks import is_authentic
from deployments.template_sets.sources.host_keys import parse_host_keys
from deployments.template_sets.sources.urls import check_url
from deployments.template_sets.steps import fetch

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NAME = re.compile(r"[A-Za-z0-9][\w .-]*", re.ASCII)
MAX_NAME = 60
MAX_ARCHIVE = 10_000_000
"""Maximum bytes of an uploaded archive: MySQL's rows have at most 16 MB by default."""
SHOWN = ("name", "kind", "url", "path", "refs", "host_key", "fetch_minutes")


def save_source(
    *,
    user: User,
    source: TemplateSource | None,
    values: Mapping[str, Any],
    credentials: Mapping[str, str] | None = None,
) -> TemplateSource:
    """Add a template set (`source` None) or edit one, and return it; the first fetch of a new one is due.

    `credentials` replace the stored ones: {} deletes them, None keeps them. They are stored encrypted.
    Raise UserFixable with the field that the user must correct.
    """
    request = CommandRequest(
        user=user,
        action="edit_template_set" if source else "add_template_set",
        permission=MANAGE_SETS,
        name=str(values["name"]),
        details=_checked(values) | {"credentials": "kept" if credentials is None else sorted(credentials)},
    )
    with requesting(request):
        row = _of(source) if source else TemplateSource(created_by=user)
        before = _shown(row)
        for name, value in values.items():
            setattr(row, name, value)
        _check(row, before=source)
        if source and credentials is None and row.sealed_credentials:
            _check_server(row, before=source)
        row.live_key = TemplateSource.key_for(row.name)
        if credentials is not None:
            row.sealed_credentials = encrypt_values(dict(credentials))
        now = timezone.now()
        row.due_at = now + timedelta(minutes=row.fetch_minutes) if row.fetch_minutes else None
        taken = TemplateSource.objects.live().exclude(pk=row.pk).filter(name__iexact=row.name)
        try:
            if taken.exists():
                raise _taken(row)
            row.save()
        except IntegrityError:
            raise _taken(row) from None
        request.changes(before, _shown(row, credentials))
        if row.kind != "archive":
            fetch.request(row, "button", now, user=user)
        return row


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for the audit record, also of a refusal.

    An address and host keys are only recorded if they are valid: others may contain credentials.
    """
    found = {name: values[name] for name in SHOWN if name in values}
    row = TemplateSource(**found)
    try:
        _check_place(row)
    except UserFixable:
        return {name: value for name, value in found.items() if name not in ("url", "host_key")}
    return {name: getattr(row, name) for name in found}


def _shown(row: TemplateSource, credentials: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the values of a set for audit records; for new credentials, only their presence."""
    if row._state.adding:
        return {}
    values = {name: getattr(row, name) for name in SHOWN}
    if credentials is not None:
        values["credentials"] = "replaced" if credentials else "deleted"
    return values


def _taken(row: TemplateSource) -> UserFixable:
    return UserFixable("NameTaken", Code.SET_NAME_TAKEN, "name", name=row.name)


def _of(source: TemplateSource) -> TemplateSource:
    """Return the locked row of a set. Raise UserFixable if it was removed, or is the bundled one."""
    row = TemplateSource.objects.select_for_update().get(pk=source.pk)
    if row.removed_at or row.is_bundled:
        raise UserFixable("SetNotEditable", Code.SET_NOT_EDITABLE)
    return row


def _check(row: TemplateSource, before: TemplateSource | None) -> None:
    if not NAME.fullmatch(row.name) or len(row.name) > MAX_NAME:
        raise UserFixable("NameInvalid", Code.SET_NAME_INVALID, "name", limit=MAX_NAME)
    _check_place(row)
    if row.kind == "git" and not row.refs.split():
        raise UserFixable("RefsMissing", Code.SET_REFS_MISSING, "refs")
    if ".." in row.path.split("/") or row.path.startswith("/"):
        raise UserFixable("PathInvalid", Code.SET_PATH_INVALID, "path")
    known = before is not None and before.versions.exists()
    if known and before and (before.path, before.kind) != (row.path, row.kind):
        raise UserFixable("PathFixed", Code.SET_PATH_FIXED, "path")


def _check_place(row: TemplateSource) -> None:
    """Remove the address of an archive. Raise UserFixable for an invalid address or host key."""
    if row.kind == "archive":
        row.url = ""
    if row.kind == "git":
        check_url(row.url)
    if row.kind == "folder" and not row.url.startswith("/"):
        raise UserFixable("FolderInvalid", Code.SET_FOLDER_INVALID, "url")
    parse_host_keys(row.host_key)


def _check_server(row: TemplateSource, before: TemplateSource) -> None:
    """Raise UserFixable if stored credentials would be sent to another server than they were entered for."""
    if _server(row.url) != _server(before.url):
        raise UserFixable("OtherServer", Code.SOURCE_CREDENTIALS_OF_OTHER, "token", url=before.url)


def _server(url: str) -> tuple[str, str, int]:
    try:
        found = check_url(url)
    except UserFixable:  # the source is an archive
        return "", "", 0
    return found.scheme, found.host, found.port


def remove_source(*, user: User, source: TemplateSource) -> TemplateSource:
    """Remove a template set: it is no longer fetched. Its versions stay, and environments keep theirs.

    Raise UserFixable for the bundled one, or if it was removed before.
    """
    request = _request(user, source, "remove_template_set")
    with requesting(request):
        row = _of(source)
        request.before = _shown(row)
        row.removed_at, row.due_at = timezone.now(), None
        row.live_key = None  # type: ignore[assignment]  # the name can be used again
        row.sealed_credentials = row.sealed_webhook_secret = ""
        row.save()
        return row


def request_fetch(*, user: User, source: TemplateSource, archive: bytes | None = None) -> TemplateFetch:
    """Request a fetch; for archives, of the uploaded one.

    Raise UserFixable if one is in progress, the set was removed, the archive is missing or too large, or the
    set does not take archives.
    """
    request = _request(user, source, "fetch_template_set")
    with requesting(request):
        if source.removed_at:
            raise UserFixable("SetNotEditable", Code.SET_NOT_EDITABLE)
        if source.kind == "archive" and not archive:
            raise UserFixable("ArchiveMissing", Code.SET_ARCHIVE_MISSING, "archive")
        if archive is not None and source.kind != "archive":
            raise UserFixable("SetHasNoArchives", Code.SET_HAS_NO_ARCHIVES, name=source.name)
        if archive and len(archive) > MAX_ARCHIVE:
            limit = f"{MAX_ARCHIVE // 1_000_000} MB"
            raise UserFixable("ArchiveTooLarge", Code.SET_ARCHIVE_TOO_LARGE, "archive", limit=limit)
        trigger = "upload" if source.kind == "archive" else "button"
        found = fetch.request(source, trigger, timezone.now(), user=user, archive=archive)
        if found is None:
            raise UserFixable("FetchInProgress", Code.FETCH_IN_PROGRESS)
        return found


def set_webhook(*, user: User, source: TemplateSource, on: bool) -> str:
    """Create a new secret for the webhook of a Git repository, and return it; "" if it is switched off.

    It is stored encrypted and not displayed again; the previous secret is no longer accepted.
    """
    request = _request(user, source, "set_webhook" if on else "remove_webhook")
    with requesting(request):
        row = _of(source)
        if row.kind != "git":
            raise UserFixable("SetNotEditable", Code.SET_NOT_EDITABLE)
        secret = secrets.token_urlsafe(32) if on else ""
        request.before, request.after = {"webhook": bool(row.sealed_webhook_secret)}, {"webhook": on}
        row.sealed_webhook_secret = encrypt(secret) if secret else ""
        row.save(update_fields=["sealed_webhook_secret"])
        return secret


def _request(user: User, source: TemplateSource, action: str) -> CommandRequest:
    return CommandRequest(user=user, action=action, permission=MANAGE_SETS, name=source.name)


class Answer(Enum):
    """What a webhook gets: the status of the response."""

    ACCEPTED = 202
    NOT_AUTHENTIC = 401
    MISSING = 404


def accept_push(source_pk: int, body: bytes, *, signature: str = "", token: str = "") -> Answer:
    """Request a fetch of the set if the request is authentic; not more often than every few seconds.

    A set without a webhook gets the same response as one that does not exist.
    """
    source = TemplateSource.objects.live().filter(pk=source_pk).exclude(sealed_webhook_secret="").first()
    if source is None:
        return Answer.MISSING
    try:
        secret = decrypt(source.sealed_webhook_secret)
    except InvalidToken:  # SECRET_KEY was changed without a fallback
        return Answer.NOT_AUTHENTIC
    if not is_authentic(secret, body, signature=signature, token=token):
        return Answer.NOT_AUTHENTIC
    fetch.request_after_push(source, timezone.now())
    return Answer.ACCEPTED
