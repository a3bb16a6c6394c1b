"""Fetches of template sets: their requests, at most one open per set, and reading the source."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.common import request_context
from deployments.common.errors import Message, UserFixable
from deployments.common.message_codes import Code
from deployments.common.models import leases
from deployments.common.models.encryption import decrypt_values
from deployments.template_sets import sources, template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.rules import refs as source_refs
from deployments.template_sets.shared import versions
from deployments.template_sets.sources.spec import Fetched, FetchedVersion, FetchSpec, Kind

if TYPE_CHECKING:
    from django.contrib.auth.models import User

BETWEEN_WEBHOOKS = timedelta(seconds=10)
"""Minimum time between the last fetch and one after a push; pushes in this time share one fetch."""


def request(
    source: TemplateSource,
    trigger: str,
    now: datetime,
    *,
    user: User | None = None,
    archive: bytes | None = None,
) -> TemplateFetch | None:
    """Request a fetch and return it; None if one is open."""
    try:
        with transaction.atomic():
            if trigger == "webhook":  # a person's request has its own record
                AuditRecord.objects.write(
                    action="fetch_template_set",
                    name=source.name,
                    by=request_context.WEBHOOK,
                    by_id=str(source.pk),
                )
            return TemplateFetch.objects.create(
                source=source,
                active_key=source.pk,
                requested_by=user,
                trigger=trigger,
                archive=archive,
                due_at=now,
            )
    except IntegrityError:
        return None


def request_scheduled(now: datetime) -> int:
    """Request the scheduled fetches that are due. Return their number.

    If a set has an open fetch, the next one is requested after its end.
    """
    requested = 0
    for source in TemplateSource.objects.to_fetch(now):
        later = now + timedelta(minutes=source.fetch_minutes) if source.fetch_minutes else None
        due = TemplateSource.objects.filter(pk=source.pk, due_at=source.due_at)
        with transaction.atomic():
            trigger = "schedule" if source.fetch_minutes else "webhook"
            if due.update(due_at=later) and request(source, trigger, now):
                requested += 1
            else:
                TemplateSource.objects.filter(pk=source.pk, due_at=later).update(due_at=source.due_at)
    return requested


def request_after_push(source: TemplateSource, now: datetime) -> None:
    """Request a fetch because the repository has changed, not more often than every few seconds.

    A fetch in progress may have read the repository before the push: another fetch follows it.
    """
    last = TemplateFetch.objects.of(source).first()
    if last is None or not (last.active_key or (last.ended_at and last.ended_at > now - BETWEEN_WEBHOOKS)):
        request(source, "webhook", now)
    elif last.state != "queued":
        soon = max(now, (last.ended_at or now) + BETWEEN_WEBHOOKS)
        TemplateSource.objects.live().filter(pk=source.pk).due_after(soon).update(due_at=soon)


log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""A fetch takes up to the 60 s that its process is limited to, plus the time to store its results."""
TRIES = 3
"""The fetch fails after this many attempts whose worker died."""
CHECKED = 3
"""Number of the newest versions that cfn-lint checks after a fetch; others are checked before deployment."""
MAX_MESSAGE, MAX_AUTHOR = 2000, 200

Fetch = Callable[[FetchSpec], Fetched]


def run_fetch(pk: int, version: int, fetch: Fetch = sources.fetch) -> bool:
    """Carry out a fetch. Return False if the message is stale or a duplicate."""
    rows = TemplateFetch.objects.active()
    if not leases.begin_step(rows, pk, version):
        return False
    row = TemplateFetch.objects.select_related("source").get(pk=pk)
    if row.version != version + 1:
        return False  # taken over between the two statements
    if row.attempts >= TRIES:
        _end(row, "failed", Message(Code.FETCH_INTERRUPTED, {"count": str(TRIES)}))
        return True
    now = timezone.now()
    values = {"state": "running", "attempts": row.attempts + 1, "due_at": now + LEASE}
    if not rows.filter(pk=pk, version=row.version).update(**values, started_at=row.started_at or now):
        return False
    try:
        added, problem = _fetched(row, fetch)
    except DatabaseError:
        raise
    except UserFixable as refused:
        _end(row, "failed", refused.message)
    except Exception:
        log.exception("the fetch %s failed", pk)
        _end(row, "failed", Message(Code.UNEXPECTED_ERROR_IN_LOG))
    else:
        _end(row, "failed" if problem and not added else "succeeded", problem, added)
        _check_newest(row.source)
    return True


def _end(row: TemplateFetch, state: str, problem: Message | None = None, added: int = 0) -> None:
    """End a fetch, unless another worker has taken it over."""
    now, sentence = timezone.now(), problem.as_json() if problem else {}
    with transaction.atomic():
        claimed = TemplateFetch.objects.filter(
            pk=row.pk, version=row.version, state__in=("queued", "running")
        )
        values = {"state": state, "error_sentence": sentence, "added": added, "ended_at": now}
        if claimed.update(**values, active_key=None, due_at=None, archive=None):
            about = {"fetched_at": now, "error_sentence": sentence}
            TemplateSource.objects.filter(pk=row.source_id).update(**about)


def _fetched(row: TemplateFetch, fetch: Fetch) -> tuple[int, Message | None]:
    """Store new versions. Return their number, and why one of them is not a valid template set.

    Raise UserFixable if nothing can be fetched.
    """
    source = row.source
    before = TemplateVersion.objects.of(source).count()
    if source.is_bundled:
        versions.bundled(template_files.load(settings.SANSO_TEMPLATE_SET))
        return TemplateVersion.objects.of(source).count() - before, None
    found = fetch(_spec(row))
    problem = None
    for one in _oldest_first(found.versions):
        if one.problem:
            problem = one.problem.message
            continue
        try:
            template_set = template_files.as_template_set(one.files, source.path)
        except UserFixable as refused:
            problem = refused.message
            continue
        about = _about(one) | {"fetched_by_id": row.requested_by_id}
        versions.add(source, template_set, commit=one.commit, about=about)
    _point(source, found.refs)
    return TemplateVersion.objects.of(source).count() - before, problem


def _spec(row: TemplateFetch) -> FetchSpec:
    source = row.source
    try:
        credentials = decrypt_values(source.sealed_credentials)
    except InvalidToken:
        raise UserFixable("CredentialsUnreadable", Code.SOURCE_CREDENTIALS_UNREADABLE) from None
    known = TemplateVersion.objects.of(source).values_list("commit", flat=True)
    return FetchSpec(
        kind=cast("Kind", source.kind),
        url=source.url,
        archive=bytes(row.archive or b""),
        path=source.path,
        refs=source.refs,
        credentials=credentials,
        host_key=source.host_key,
        known_commits=frozenset(filter(None, known)),
        addresses=tuple(settings.SANSO_SOURCE_ADDRESSES),
        local_folders=tuple(settings.SANSO_LOCAL_SOURCES),
    )


def _oldest_first(found: Iterable[FetchedVersion]) -> list[FetchedVersion]:
    """Return the versions in the order of their numbers; a fetch has the newest tags first."""
    ordered = list(found)[::-1]
    return sorted(ordered, key=lambda one: one.authored_at.timestamp() if one.authored_at else 0.0)


def _about(one: FetchedVersion) -> dict[str, object]:
    tree = hashlib.sha256()
    for path, body in sorted(one.files.items()):
        tree.update(path.encode() + b"\0" + hashlib.sha256(body).digest())
    return {
        "author": one.author[:MAX_AUTHOR],
        "authored_at": one.authored_at,
        "message": one.message.strip()[:MAX_MESSAGE],
        "tree_digest": tree.hexdigest(),
    }


def _point(source: TemplateSource, refs: Mapping[str, str]) -> None:
    """Store the versions that branches and tags point at now. A tag with another version has moved."""
    by_commit = {one.commit: one for one in TemplateVersion.objects.of(source) if one.commit}
    now = timezone.now()
    with transaction.atomic():
        TemplateSource.objects.select_for_update().get(pk=source.pk)
        known = {row.name: row for row in source.ref_rows.select_related("version")}
        for name, commit in refs.items():
            version, row = by_commit.get(commit), known.pop(name, None)
            if version is None:  # its files are not a valid template set
                continue
            if row is None:
                TemplateRef.objects.create(
                    source=source, name=name, version=version, is_tag=source_refs.is_tag(name)
                )
            elif row.version_id != version.pk:
                _move(row, version, now)
        TemplateRef.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
        _name_versions(by_commit.values(), source)
        versions.updates_offered(source, now)


def _move(row: TemplateRef, version: TemplateVersion, now: object) -> None:
    values: dict[str, object] = {"version": version}
    if row.is_tag:
        values |= {"moved_from": row.version, "moved_at": now, "confirmed_at": None, "confirmed_by": None}
    TemplateRef.objects.filter(pk=row.pk).update(**values)


def _name_versions(found: Iterable[TemplateVersion], source: TemplateSource) -> None:
    """Write the branches and tags that point at each version into its row, the newest tag last."""
    names: dict[int, list[str]] = {}
    for row in source.ref_rows.all():
        names.setdefault(row.version_id, []).append(row.name)
    for version in found:
        now = names.get(version.pk, [])
        tags = reversed(source_refs.newest_first(name for name in now if source_refs.is_tag(name)))
        ordered = [*sorted(name for name in now if not source_refs.is_tag(name)), *tags]
        if ordered != version.ref_names:
            TemplateVersion.objects.filter(pk=version.pk).update(ref_names=ordered)


def _check_newest(source: TemplateSource) -> None:
    """Let cfn-lint check the newest versions, so that their findings are known before a deployment."""
    for version in TemplateVersion.objects.of(source)[:CHECKED]:
        if TemplateCheck.objects.filter(digest=version.digest).exists():
            continue
        found = stored_sets.find(version.digest)
        if found is not None:
            versions.lint(found)
