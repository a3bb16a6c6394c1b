"""Confirm with the next change that resources skipped by a rollback match the templates."""

from __future__ import annotations

from deployments.access.commands.requesting import CommandRequest
from deployments.cloudformation.change_summary import surely_changed
from deployments.cloudformation.changes import Changes
from deployments.cloudformation.stuck_resources import unreconciled
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.stacks.shared.skipped import IN_LINE


def confirm(request: CommandRequest, row: Deployment, *, in_line: bool) -> None:
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
