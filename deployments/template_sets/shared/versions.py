"""Record versions of template sets, check and announce them, and refuse those that may not be deployed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import DEPRECATED, TemplateVersion, updates_by_environment
from deployments.template_sets.rules.channels import DEFAULT_OF_BUNDLED, is_earlier
from deployments.template_sets.template_files.lint import findings

log = logging.getLogger(__name__)

_linting = Lock()


def lint(template_set: template_files.TemplateSet) -> TemplateCheck | None:
    """Run cfn-lint and store its findings, one run at a time. Return None while another step runs it.

    cfn-lint takes seconds of CPU time. If several deployments of a new set each ran it, it could take longer
    than their leases, and each step that takes over would start it again.
    """
    if not _linting.acquire(blocking=False):
        return None
    try:
        return TemplateCheck.objects.get_or_create(
            digest=template_set.digest, defaults={"findings": findings(template_set)}
        )[0]
    finally:
        _linting.release()


def lint_bundled() -> None:
    """Run cfn-lint on the current bundled set, so that its first deployment does not wait for it."""
    try:
        template_set = stored_sets.current()
        if not TemplateCheck.objects.filter(digest=template_set.digest).exists():
            lint(template_set)
    except UserFixable as broken:  # a deployment of it reports this on its page
        log.warning("the template set cannot be checked: %s", broken)


def updates_offered(source: TemplateSource, now: datetime) -> None:
    """Notify about environments whose channel offers a newer version of a set, once for each version."""
    topic = Topic.UPDATE_AVAILABLE
    environments = list(Environment.objects.that_follow_a_channel().of_source(source.pk))
    offered = updates_by_environment(environments)
    for environment in environments:
        found = offered[environment.pk]
        if not found.is_available or found.target is None:
            continue
        targets = outbox.destinations_of(topic, environment)
        if not targets:
            continue
        own, new = environment.template_version, TemplateVersion.objects.get(pk=found.target.pk)
        payload = {"set": source.name, "before": own.label if own else "", "version": new.label}
        key = f"{topic}:{environment.pk}:{new.pk}"
        outbox.write(targets, topic, key, payload, now, environment=environment)


def record_current() -> bool:
    """Record the current bundled set; nothing if it cannot be read, which its pages report.

    Return whether cfn-lint has yet to check it.
    """
    try:
        version = bundled(template_files.load(settings.SANSO_TEMPLATE_SET))
    except UserFixable as broken:
        log.warning("the template set cannot be read: %s", broken)
        return False
    return not TemplateCheck.objects.filter(digest=version.digest).exists()


def bundled(template_set: template_files.TemplateSet) -> TemplateVersion:
    """Return the version of the bundled set with the files of `template_set`; add it if it is new."""
    source = TemplateSource.objects.bundled()
    rows = TemplateVersion.objects.of(source) if source else TemplateVersion.objects.none()
    return (
        rows.filter(digest=template_set.digest).first()
        or rows.filter(digest=stored_sets.as_stored(template_set).digest).first()
        or add(_bundled_source(template_set), template_set)
    )


def _bundled_source(template_set: template_files.TemplateSet) -> TemplateSource:
    about = {"name": template_set.name[:60], "url": str(template_set.folder), "kind": "folder"}
    found, created = TemplateSource.objects.get_or_create(
        live_key=TemplateSource.BUNDLED_KEY, defaults={**about, "is_bundled": True}
    )
    if not created and found.url != about["url"]:
        for name, value in about.items():
            setattr(found, name, value)
        found.save(update_fields=list(about))
    return found


def add(
    source: TemplateSource,
    template_set: template_files.TemplateSet,
    *,
    commit: str = "",
    about: Mapping[str, Any] | None = None,
) -> TemplateVersion:
    """Return the version of a set with these files; store it and its files if it is new.

    `about` has additional values of a new row. Environments of unknown version that run these files are
    pinned to it.
    """
    template_set = stored_sets.as_stored(template_set)
    with transaction.atomic():
        TemplateSource.objects.select_for_update().get(pk=source.pk)  # one number for each version
        rows = TemplateVersion.objects.of(source)
        known = rows.filter(commit=commit, digest=template_set.digest).first()
        if known is not None:
            return known
        stored_sets.keep(template_set)
        last = rows.aggregate(last=Max("number"))["last"] or 0
        version = TemplateVersion.objects.create(
            source=source, number=last + 1, commit=commit, digest=template_set.digest, **(about or {})
        )
        unknown = Deployment.objects.environments_without_version(template_set.digest)
        Environment.objects.filter(pk__in=unknown).update(template_version=version)
        updates_offered(source, timezone.now())
        return version


def of(deployment: Deployment) -> TemplateVersion | None:
    """Return the version that a deployment was created from; looked up by its files if its row has none."""
    return deployment.template_version or TemplateVersion.objects.with_digest(deployment.template_digest)


def kept(deployment: Deployment) -> TemplateVersion | None:
    """Return the version that stays: the pinned one if its files are those of the deployment.

    Two sets may have a version with the same files, and the environment may have moved to the other set.
    """
    own = deployment.environment.template_version
    return own if own and own.digest == deployment.template_digest else of(deployment)


def pinned(deployment: Deployment, state: State) -> dict[str, object]:
    """Return the environment's columns after a deployment that ends in `state`.

    After a return to an earlier version, or a rolled back attempt at a later one, the channel does not offer
    the later one again. A new environment of the bundled set that follows no channel follows its default one.
    """
    if state is not State.SUCCEEDED:
        return {}
    rows = Environment.objects.select_related("template_version", "went_back_from")
    environment = rows.get(pk=deployment.environment_id)
    before, back_from = environment.template_version, environment.went_back_from
    if deployment.kind == Kind.ROLLBACK_UPDATE:
        tried = of(deployment.base) if deployment.base else None
        return {"went_back_from": tried} if _is_back(before, tried) else {}
    if deployment.kind not in (Kind.CREATE, Kind.UPDATE):
        return {}
    now = of(deployment)
    if not _is_back(now, back_from):  # reached, or of another set
        back_from = None
    if _is_back(now, before) and not _is_back(before, back_from):
        back_from = before
    found: dict[str, object] = {"template_version": now, "went_back_from": back_from}
    if deployment.kind == Kind.CREATE and not environment.channel and now and now.source.is_bundled:
        found["channel"] = DEFAULT_OF_BUNDLED
    return found


def _is_back(now: TemplateVersion | None, other: TemplateVersion | None) -> bool:
    """Return whether a version is earlier than another one of the same set."""
    if now is None or other is None or now.source_id != other.source_id:
        return False
    return is_earlier(now.facts, other.facts)


def refuse_withdrawn(version: TemplateVersion | None, deployed_digest: str = "") -> None:
    """Raise UserFixable if a version was withdrawn, unless the environment already runs these files."""
    if version is not None and version.is_withdrawn_for(deployed_digest):
        raise _refused(Code.TEMPLATE_VERSION_WITHDRAWN, version)


def refuse_new_environment(version: TemplateVersion) -> None:
    """Raise UserFixable unless new environments can be created from a version: it is active."""
    if version.status == DEPRECATED:
        raise _refused(Code.TEMPLATE_VERSION_DEPRECATED, version)
    refuse_withdrawn(version)


def _refused(code: Code, version: TemplateVersion) -> UserFixable:
    return UserFixable(
        "VersionNotUsable", code, "version", version=version.label, reason=version.status_reason
    )
