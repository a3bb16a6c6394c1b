"""The files of a version of a template set, as Sanso has stored them."""

from __future__ import annotations

from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets


def stored_set(digest: str) -> template_files.TemplateSet | None:
    """Return the template set with a digest; None if it is not stored."""
    return stored_sets.find(digest)
