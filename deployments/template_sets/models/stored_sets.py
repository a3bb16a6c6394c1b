"""Template sets by their digest: the files and findings that are stored, and the set of a deployment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.template_sets import template_files


class DeployedSet(models.Model):
    """A template set that was deployed: its manifest, templates and sources as an archive.

    With it, an environment can go back to an earlier deployment after the set has changed.
    """

    digest = models.CharField(_("digest"), max_length=64, primary_key=True)
    name = models.CharField(_("name"), max_length=255)
    archive = models.BinaryField()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("deployed template set")
        verbose_name_plural = _("deployed template sets")

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"


class TemplateCheck(models.Model):
    """The findings of one digest: [{"level", "rule", "file", "line", "message"}], errors and warnings."""

    digest = models.CharField(max_length=64, unique=True)
    findings = models.JSONField(default=list)
    checked_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def errors(self) -> list[dict[str, str]]:
        """Return the findings that prevent a deployment."""
        return [finding for finding in self.findings if finding["level"] == "Error"]


def current() -> template_files.TemplateSet:
    """Return the current bundled set, with the digest under which it is stored.

    Raise UserFixable as `load` does.
    """
    return as_stored(template_files.load(settings.SANSO_TEMPLATE_SET))


def as_stored(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """Return a set with the digest under which it is stored, or will be.

    Earlier versions of Sanso left the manifest out. What they stored keeps that digest, so that an upgrade
    alone makes no new version; a set with the same objects and another manifest is another set.
    """
    earlier = template_set.objects_digest
    if template_set.digest == earlier or DeployedSet.objects.filter(digest=template_set.digest).exists():
        return template_set
    stored_at = DeployedSet.objects.filter(digest=earlier).values_list("created_at", flat=True).first()
    if stored_at is not None:
        is_same = _digest_with_manifest(earlier, stored_at) == template_set.digest
    else:  # the first versions of Sanso stored no sets: it is not known which manifest they read
        is_same = Deployment.objects.filter(template_digest=earlier).exists()
    return replace(template_set, digest=earlier) if is_same else template_set


_with_manifest: dict[tuple[str, datetime], str] = {}
"""The digest with the manifest of sets that earlier versions of Sanso stored, by their digest and time."""


def _digest_with_manifest(digest: str, stored_at: datetime) -> str:
    """Return the digest of a stored set as this version computes it; "" if it cannot read the set."""
    key = (digest, stored_at)
    if key not in _with_manifest:
        archive = DeployedSet.objects.values_list("archive", flat=True).get(digest=digest)
        try:
            _with_manifest[key] = template_files.unpacked(bytes(archive)).digest
        except UserFixable:
            _with_manifest[key] = ""
    return _with_manifest[key]


def keep(template_set: template_files.TemplateSet) -> template_files.TemplateSet:
    """Store a set, unless it is stored. Return it with the digest under which it is."""
    found = as_stored(template_set)
    if not DeployedSet.objects.filter(digest=found.digest).exists():
        DeployedSet.objects.get_or_create(
            digest=found.digest, defaults={"name": found.name, "archive": template_files.packed(found)}
        )
    return found


def find(digest: str) -> template_files.TemplateSet | None:
    """Return the set with this digest, None if it is neither the current one nor stored."""
    with suppress(UserFixable):  # the current set cannot be read; the stored one may be
        bundled = current()
        if bundled.digest == digest:
            return bundled
    stored = DeployedSet.objects.filter(digest=digest).first()
    if stored is None:
        return None
    found = template_files.unpacked(bytes(stored.archive))
    return replace(found, digest=digest) if digest in (found.digest, found.objects_digest) else None


_code_versions: dict[str, str] = {}
"""The version of the code in a set by the set's digest, which identifies its files."""


def code_version(digest: str) -> str:
    """Return the version that servers with the set's code report, "" if it is not known."""
    if digest not in _code_versions:
        try:
            found = find(digest)
        except UserFixable:  # this version cannot read the set
            found = None
        if found is None:
            return ""
        _code_versions[digest] = template_files.code_version(found)
    return _code_versions[digest]


def of_deployment(deployment: Deployment) -> template_files.TemplateSet:
    """Return the template set that the form was filled in for.

    Raise UserFixable if the files have changed since and the set was not stored (by an earlier version).
    """
    found = find(deployment.template_digest)
    if found is None:
        raise UserFixable("TemplateSetChanged", Code.TEMPLATE_SET_CHANGED)
    return found


def uploaded(deployment: Deployment) -> template_files.TemplateSet:
    """Return the set whose files were uploaded for a deployment; the current one if it is not stored.

    Earlier versions of Sanso stored none, and an upgrade may fall between the upload and the change set.
    """
    return find(deployment.template_digest) or current()
