"""Confirm at the next change that what a rollback skipped is in line with the templates."""

from __future__ import annotations

from deployments.actions.request import Request
from deployments.core.change_summary import surely_changed
from deployments.core.changes import Changes
from deployments.core.stuck import unreconciled
from deployments.errors import UserFixable
from deployments.message_codes import Code
from deployments.models import Deployment, Environment


def confirm(request: Request, row: Deployment, *, in_line: bool) -> None:
    """Take what a rollback skipped as reconciled if the user confirms it. Raise UserFixable otherwise.

    What the change updates, replaces or removes needs no confirmation: it is in line once that has succeeded.
    """
    skipped = row.environment.skipped_resources
    left = unreconciled(skipped, surely_changed(Changes.from_json(row.changes)))
    if not left:
        return
    names = [one.key for one in left]
    if not in_line:
        raise UserFixable("SkippedNotConfirmed", Code.SKIPPED_NOT_CONFIRMED, resources=", ".join(names))
    request.details["in_line"] = names
    rest = [one.as_json() for one in skipped if one not in left]
    Environment.objects.filter(pk=row.environment_id).update(skipped=rest)
