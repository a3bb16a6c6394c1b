"""Processes of an Auto Scaling group that are suspended for a release and always resumed after it."""

from __future__ import annotations

from contextlib import suppress

from django.utils import timezone

from deployments.aws.autoscaling import Group
from deployments.aws.session import Clients
from deployments.common.errors import AwsNotFound
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.releases.models import ServerRelease

PROCESSES = ("HealthCheck", "ReplaceUnhealthy", "AZRebalance")
"""Suspended while servers leave their target groups: the group would replace them
(https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html)."""


def suspend(deployment: Deployment, release: ServerRelease, group: Group | None, clients: Clients) -> None:
    """Suspend the processes of the group that replace servers. The row is written first: see `resume`.

    Processes that something else has suspended stay suspended at the end.
    """
    if group is None:
        return
    if release.suspended_at is None:
        processes = [one for one in PROCESSES if one not in group.suspended]
        _save_release(release, suspended_at=timezone.now(), processes=processes)
    deployment.confirm_claim()
    if release.processes:
        clients.autoscaling.suspend(release.group, release.processes)
    _save_release(release, is_suspended=True)


def resume(release: ServerRelease, clients: Clients) -> None:
    """Resume the suspended processes, also if the release ended in another way."""
    if release.processes:
        with suppress(AwsNotFound):  # the group is gone
            clients.autoscaling.resume(release.group, release.processes)
    _save_release(release, is_suspended=False, resumed_at=timezone.now())


def resume_left(environment: Environment, clients: Clients) -> None:
    """Resume the processes that an ended release of the environment has left suspended."""
    for release in ServerRelease.objects.to_resume(environment):
        resume(release, clients)


def _save_release(release: ServerRelease, **values: object) -> None:
    ServerRelease.objects.filter(pk=release.pk).update(**values)
    for name, value in values.items():
        setattr(release, name, value)
