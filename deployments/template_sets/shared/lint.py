"""Run cfn-lint on the files of a version, one run at a time, and store its findings."""

from __future__ import annotations

import logging
from threading import Lock

from deployments.common.errors import UserFixable
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.lint_results import TemplateCheck
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
