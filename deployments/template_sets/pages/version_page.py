"""The page of one version of a template set: what it changes, cfn-lint's findings, and its environments."""

from __future__ import annotations

from typing import Any

from deployments.access.models.permissions import Person
from deployments.template_sets.commands.stored_set import stored_set
from deployments.template_sets.display.role_policy import RolePolicy
from deployments.template_sets.display.version_changes import changes_of
from deployments.template_sets.models.lint_results import TemplateCheck
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from deployments.template_sets.pages.sets import version_rows


def version_context(version: TemplateVersion, user: Person, against: int) -> dict[str, Any]:
    """Return the context of the page of one version. `against` is the key of the version to compare with; the
    one before it is the default.
    """
    (row,) = version_rows([version], user, TemplateRef.objects.moved_tags().of(version.source))
    check = TemplateCheck.objects.filter(digest=version.digest).first()
    return {
        "version": version,
        "row": row,
        "check": check,
        "changes": changes_of(version, against),
        "role_policy": _role_policy(version),
    }


def _role_policy(version: TemplateVersion) -> RolePolicy | None:
    """Return what the set needs with the defaults of its parameters; None if its files are not stored."""
    template_set = stored_set(version.digest)
    return RolePolicy.of(template_set, {}) if template_set else None
