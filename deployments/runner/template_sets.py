"""The template set of a deployment: the current one, or the one stored at its request."""

from __future__ import annotations

from django.conf import settings

from deployments import catalog
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import DeployedSet, Deployment


def keep(template_set: catalog.TemplateSet) -> None:
    """Store a set, unless it is stored."""
    if not DeployedSet.objects.filter(digest=template_set.digest).exists():
        DeployedSet.objects.get_or_create(
            digest=template_set.digest,
            defaults={"name": template_set.name, "archive": catalog.packed(template_set)},
        )


def find(digest: str) -> catalog.TemplateSet | None:
    """Return the set with this digest, None if it is neither the current one nor stored."""
    try:
        current = catalog.load(settings.SANSO_TEMPLATE_SET)
        if current.digest == digest:
            return current
    except UserFixable:  # the current set cannot be read; the stored one may be
        pass
    stored = DeployedSet.objects.filter(digest=digest).first()
    if stored is None:
        return None
    found = catalog.unpacked(bytes(stored.archive))
    return found if found.digest == digest else None


_code_versions: dict[str, str] = {}
"""The version of the code in a set by the set's digest, which identifies its files."""


def code_version(digest: str) -> str:
    """Return the version that servers with the set's code report, "" if it is not known."""
    if digest not in _code_versions:
        try:
            found = find(digest)
        except UserFixable:  # this release cannot read the set
            found = None
        if found is None:
            return ""
        _code_versions[digest] = catalog.code_version(found)
    return _code_versions[digest]


def of_deployment(deployment: Deployment) -> catalog.TemplateSet:
    """Return the template set that the form was filled in for.

    Raise UserFixable if the files have changed since and the set was not stored (by an earlier release).
    """
    found = find(deployment.template_digest)
    if found is None:
        raise UserFixable("TemplateSetChanged", Code.TEMPLATE_SET_CHANGED)
    return found


def uploaded(deployment: Deployment) -> catalog.TemplateSet:
    """Return the set whose files were uploaded for a deployment; the current one if it is not stored.

    Earlier releases stored none, and an upgrade may fall between the upload and the change set.
    """
    return find(deployment.template_digest) or catalog.load(settings.SANSO_TEMPLATE_SET)
