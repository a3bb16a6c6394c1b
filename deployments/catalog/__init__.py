"""Template sets read from their folder: parameters for the form, files and zips for S3."""

from deployments.catalog.archive import packed, unpacked, with_templates
from deployments.catalog.artifacts import build_objects, differing_files
from deployments.catalog.code_version import code_version
from deployments.catalog.content import content_of
from deployments.catalog.fetched import as_template_set, check
from deployments.catalog.template_set import TemplateSet, load

__all__ = [
    "TemplateSet",
    "as_template_set",
    "build_objects",
    "check",
    "code_version",
    "content_of",
    "differing_files",
    "load",
    "packed",
    "unpacked",
    "with_templates",
]
