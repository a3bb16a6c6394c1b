"""The files of a version of a template set, as Sanso has stored them."""

from __future__ import annotations

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.rules.version_diff import differing_files


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
