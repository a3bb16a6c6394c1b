"""Template sets read from their folder: parameters for the form, files and zips for S3."""

from deployments.template_sets.template_files.archive import (
    as_template_set,
    check,
    packed,
    unpacked,
    with_files,
    with_templates,
)
from deployments.template_sets.template_files.artifacts import (
    build_objects,
    code_file,
    code_version,
    differing_files,
)
from deployments.template_sets.template_files.content import content_of
from deployments.template_sets.template_files.template_set import TemplateSet, load

__all__ = [
    "TemplateSet",
    "as_template_set",
    "build_objects",
    "check",
    "code_file",
    "code_version",
    "content_of",
    "differing_files",
    "load",
    "packed",
    "unpacked",
    "with_files",
    "with_templates",
]
