"""Confirm with the next change that resources skipped by a rollback match the templates."""

from __future__ import annotations

from deployments.actions.request import Request
from deployments.core.change_summary import surely_changed
from deployments.core.changes import Changes
from deployments.core.stuck import unreconciled
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment
from deployments.runner.skipped import IN_LINE


def confirm(request: Request, row: Deployment, *, in_line: bool) -> None:
    """Store with a change the confirmation that skipped resources match the templates. Raise UserFixable
    without the confirmation. It takes effect when the change begins: a change that is denied, discarded or
    previewed again confirms nothing. Resources that the change updates, replaces or removes need no
    confirmation: they match after its success.
    """
    changed = surely_changed(Changes.from_json(row.changes))
    left = unreconciled(row.environment.skipped_resources, changed)
    if not left:
        return
    names = [one.key for one in left]
    if not in_line:
        raise UserFixable("SkippedNotConfirmed", Code.SKIPPED_NOT_CONFIRMED, resources=", ".join(names))
    request.details["in_line"] = names
    row.record(options=row.options | {IN_LINE: names})
