"""The servers of a release on its deployment's page: how far each is, and which version it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deployments.core.release_plan import Stage
from deployments.core.status import DisplayStatus
from deployments.models import Deployment, ReleaseServer, ServerRelease
from deployments.presentation.badges import GLYPHS
from deployments.wording import stored_text


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
    """Return the servers of a deployment's release in their order (two queries), none without one."""
    if not deployment.has_servers_phase:
        return ()
    release = ServerRelease.objects.of(deployment)
    before = deployment.base.template_digest if deployment.base else ""
    rows = release.servers.all() if release else ()
    return [_row(one, before, deployment.template_digest) for one in rows]


def _row(server: ReleaseServer, before: str, after: str) -> ServerRow:
    stage = Stage(server.stage)
    return ServerRow(
        instance_id=server.instance_id,
        label=str(server.get_stage_display()),
        status=_STATUSES.get(stage, DisplayStatus.PROGRESS),
        version=(after if server.has_new_version else before)[:8],
        since=server.stage_at,
        message=stored_text(server.message),
    )


_STATUSES = {
    Stage.WAITING: DisplayStatus.PENDING,
    Stage.DONE: DisplayStatus.DONE,
    Stage.FAILED: DisplayStatus.FAILED,
    Stage.GONE: DisplayStatus.NOT_RUN,
}
