"""The choice that a release rolls back automatically when a server fails."""

from __future__ import annotations

from deployments.access.commands.requesting import CommandRequest
from deployments.environments.models.deployments import Deployment
from deployments.releases.shared.automatic_rollback import GO_BACK


def choose(request: CommandRequest, row: Deployment, *, go_back: bool) -> None:
    """Store the choice with a change and in its audit record; it has no effect without a release."""
    chosen = go_back and row.is_release_by_server
    if chosen or GO_BACK in row.options:
        rest = {name: value for name, value in row.options.items() if name != GO_BACK}
        row.record(options=rest | ({GO_BACK: True} if chosen else {}))
    if chosen:
        request.details[GO_BACK] = True
