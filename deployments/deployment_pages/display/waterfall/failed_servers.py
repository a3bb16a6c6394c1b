"""The servers whose configuration failed, as rows below the association or group that failed for it.

A rollback deletes the servers. All that remains is the output that was stored as evidence and the runs that
were observed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from deployments.cloudformation.root_cause import Failure
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import in_ms
from deployments.deployment_pages.display.waterfall.bars import Bar
from deployments.deployment_pages.display.waterfall.rows import Row
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from deployments.health.models.configuration import AssociationRun
from deployments.stacks.display.paths import join

CONFIGURED = ("AWS::SSM::Association", "AWS::AutoScaling::AutoScalingGroup")
"""The types that fail if the configuration of a server fails: a group waits for its servers' signals."""
_SUBJECT = re.compile(r"(?P<instance>m?i-[0-9a-f]+) (?P<association>.+)")
_HEAD = re.compile(r"(?:\S+ : )?(?P<task>.+?): (?P<message>.*)")
"""The first line of the stored output: the role of Ansible's task, the task, and its message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedServer:
    """A server and its failure; `task` is "" if the output has none."""

    instance: str
    association: str
    task: str
    message: str

    @property
    def reason(self) -> str:
        """Return the reason of the failure, in the current language."""
        if not self.task:
            return self.message
        return _("Task “%(task)s”: %(message)s") % {"task": self.task, "message": self.message}


def failed_servers(evidence: Sequence[Evidence]) -> list[FailedServer]:
    """Return the servers with a stored output, in the order in which it was stored."""
    found = []
    for piece in evidence:
        subject = _SUBJECT.fullmatch(piece.subject)
        if piece.kind != "association_output" or subject is None or not piece.text:
            continue
        first_line = piece.text.splitlines()[0]
        head = _HEAD.fullmatch(first_line)
        found.append(
            FailedServer(
                instance=subject["instance"],
                association=subject["association"],
                task=head["task"] if head else "",
                message=head["message"] if head else first_line,
            )
        )
    return found


def rows_below(deployment: Deployment, failure: Failure | None) -> dict[str, tuple[Row, ...]]:
    """Return the rows below the association or group that failed first (two queries); none for others."""
    if failure is None or failure.type not in CONFIGURED:
        return {}
    servers = failed_servers(list(Evidence.objects.of(deployment)))
    if not servers:
        return {}
    path = join(failure.path, failure.logical_id)
    runs = AssociationRun.objects.of(deployment.environment).not_succeeded().without_output()
    times = {run.instance_id: _times(run, deployment) for run in runs}
    return {
        path: tuple(
            _row(path, server, times.get(server.instance), is_first=number == 0)
            for number, server in enumerate(servers)
        )
    }


def _times(run: AssociationRun, deployment: Deployment) -> tuple[int, int] | None:
    """Return the start and end of a run of this deployment; None for a run at another time."""
    if run.at is None or run.at < deployment.created_at:
        return None
    if deployment.ended_at is not None and run.at > deployment.ended_at:
        return None
    return in_ms(run.at - timedelta(seconds=run.duration or 0)), in_ms(run.at)


def _row(path: str, server: FailedServer, times: tuple[int, int] | None, *, is_first: bool) -> Row:
    status = DisplayStatus.FAILED
    return Row(
        path=join(path, server.instance),
        name=server.instance,
        level=path.count("/") + 3,
        kind="instance",
        type="EC2::Instance",
        display_status=status,
        reason=server.reason,
        tier=path.partition("/")[0],
        started=times[0] if times else None,
        ended=times[1] if times else None,
        bars=(Bar(*times, status),) if times else (),
        is_cause=is_first,
        is_critical=is_first,
    )
