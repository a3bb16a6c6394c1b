"""The servers of a release on its deployment's page: the stage and version of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.cloudformation.status import DisplayStatus
from deployments.common.texts import stored_text
from deployments.environments.display.badges import GLYPHS
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.health.models.configuration import AssociationRun
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.rules import Stage

STAGE_STATUSES = {
    Stage.WAITING: DisplayStatus.PENDING,
    Stage.WATCHING: DisplayStatus.SETTLING,
    Stage.DONE: DisplayStatus.DONE,
    Stage.FAILED: DisplayStatus.FAILED,
    Stage.GONE: DisplayStatus.NOT_RUN,
    Stage.RETURNED: DisplayStatus.ROLLED_BACK,
    Stage.NOT_REACHED: DisplayStatus.NOT_RUN,
}
"""The display status of a stage; all others are in progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One server. `version` is the beginning of the digest of the template set that it runs."""

    instance_id: str
    label: str
    status: DisplayStatus
    version: str
    since: datetime
    message: str = ""

    @property
    def glyph(self) -> str:
        """Return the glyph of its status."""
        return GLYPHS[self.status]


def release_servers(deployment: Deployment) -> Sequence[ServerRow]:
    """Return the servers of a deployment's release in their order (two queries); none without a release."""
    if not deployment.has_servers_phase:
        return ()
    release = ServerRelease.objects.of(deployment)
    before = deployment.base.template_digest if deployment.base else ""
    rows = release.servers.all() if release else ()
    return [_row(one, before, deployment.template_digest) for one in rows]


def servers_of_environment(environment: Environment) -> Sequence[ServerRow]:
    """Return the servers of a release that is in progress or ended with different versions on servers.

    A scheduled run of State Manager restores the version of the stacks on a server.
    """
    newest = ServerRelease.objects.newest_of(environment)
    if newest is not None and not newest.deployment.is_active:
        newest = ServerRelease.objects.unfinished_of(environment)
    if newest is None:
        return ()
    runs = AssociationRun.objects.of(environment).newest_of_each().without_output()
    times = {run.instance_id: run.at for run in runs.of_association(newest.association)}
    base = newest.deployment.base
    before = base.template_digest if base else ""
    rows = []
    for one in newest.servers.all():
        at = times.get(one.instance_id)
        is_back = at is not None and one.was_configured_before(at)
        rows.append(_row(one, before, before if is_back else newest.deployment.template_digest))
    return [row for row, one in zip(rows, newest.servers.all(), strict=True) if one.stage != Stage.GONE]


def _row(server: ReleaseServer, before: str, after: str) -> ServerRow:
    return ServerRow(
        instance_id=server.instance_id,
        label=str(server.get_stage_display()),
        status=STAGE_STATUSES.get(Stage(server.stage), DisplayStatus.PROGRESS),
        version=(after if server.has_new_version else before)[:8],
        since=server.stage_at,
        message=stored_text(server.message),
    )
