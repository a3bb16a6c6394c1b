"""The phase that installs a release on running servers: one step of the plan at a time, by AWS's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments.aws.autoscaling import Group
from deployments.aws.session import Clients
from deployments.aws.ssm import Invocation
from deployments.changes.steps import execution, preview
from deployments.cloudformation.release_kind import ReleaseKind
from deployments.common.errors import AwsNotFound, Message
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence
from deployments.failures.rules.cause import EvidenceKind
from deployments.health.models.configuration import AssociationRun
from deployments.health.models.site import SiteReads
from deployments.recovery.steps import cancel
from deployments.releases import shared as releases
from deployments.releases import steps as release_steps
from deployments.releases.models import ReleaseServer, ServerRelease
from deployments.releases.rules import (
    AT_WORK,
    Act,
    Reads,
    ReleaseFacts,
    ServerFacts,
    Stage,
    Step,
    next_step,
    watch_problem,
)
from deployments.stacks.shared import event_log, finalize

AT_ONCE = 0.0
SHORT = 8
"""Length of a digest on pages."""
BEFORE = timedelta(minutes=10)
"""Period of site reads that the reads of the watch are compared with."""
_GONE = ("Terminat", "Detach")
_REGISTERED = ("initial", "healthy", "unhealthy")
ATTEMPTS = 2
"""Maximum number of times that a server is configured. Otherwise a release that takes longer than the
association's schedule would never end: the schedule restores the earlier version until the stacks are
updated."""
_SETTLE = 15.0
"""Seconds on AWS that a server must stay healthy: longer than an interval of its health checks."""


def wait(deployment: Deployment, clients: Clients, now: datetime) -> float | None:
    """Take one step of the release. Return the seconds until the next one, None at the end."""
    release = ServerRelease.objects.of(deployment)
    if release is None or _has_begun_stacks(deployment, release, clients):
        return _continue(deployment, clients)
    group = next(iter(clients.autoscaling.groups([release.group])), None)
    with transaction.atomic():
        _add_new(deployment, release, group, now)
    _send_again(deployment, release, now)
    invocations = _poll(release, clients)
    facts = _facts(deployment, release, group, clients, invocations, now)
    step = next_step(facts)
    return _Doing(deployment, release, group, clients, invocations).do(step, now)


def _has_begun_stacks(deployment: Deployment, release: ServerRelease, clients: Clients) -> bool:
    """Return whether the stacks are being changed, which a step began that died before it could store it.

    No server is configured again then, although the association runs, and nothing is left to stop.
    """
    ended = {Stage.DONE, Stage.GONE}
    servers = release.servers.all()
    if deployment.is_only_servers or any(one.stage not in ended for one in servers):
        return False
    return execution.has_begun(deployment, clients)


def _add_new(deployment: Deployment, release: ServerRelease, group: Group | None, now: datetime) -> None:
    """Add a row for each server of the group, also if it joined midway, and log them."""
    rows = list(release.servers.all())
    known = {one.instance_id for one in rows}
    before = frozenset(known)
    # A server that joins on the way back begins with the earlier version.
    stage = Stage.WAITING if release.returning_at is None else Stage.NOT_REACHED
    for one in group.instances if group else ():
        if one.instance_id not in known and not one.lifecycle.startswith(_GONE):
            ReleaseServer.objects.get_or_create(
                release=release,
                instance_id=one.instance_id,
                defaults={"position": len(rows), "stage_at": now, "stage": str(stage)},
            )
            known.add(one.instance_id)
            rows.append(ReleaseServer(instance_id=one.instance_id))
    if new := sorted(known - before):
        base = deployment.base
        event_log.add(
            deployment,
            "release.found",
            key=new[0],
            servers=new,
            before=base.template_digest[:SHORT] if base else "",
            after=deployment.template_digest[:SHORT],
        )
    release.refresh_from_db()


def _send_again(deployment: Deployment, release: ServerRelease, now: datetime) -> None:
    """Make servers wait again on which State Manager's scheduled run has restored the earlier version."""
    if release.returning_at is not None:
        return
    done = {one.instance_id: one for one in release.servers.all() if one.stage == Stage.DONE}
    runs = AssociationRun.objects.of(deployment.environment).newest_of_each().without_output()
    for run in runs.of_association(release.association):
        server = done.get(run.instance_id)
        if server is None or run.at is None or not server.was_configured_before(run.at):
            continue
        if server.attempt >= ATTEMPTS:  # the update of the stacks restores the new version
            continue
        with transaction.atomic():
            release_steps.write(
                server,
                stage=str(Stage.WAITING),
                stage_at=now,
                attempt=server.attempt + 1,
                requested_at=None,
                command_id="",
                configured_at=None,
            )
            event_log.add(
                deployment,
                "release.again",
                key=f"{server.instance_id}-{server.attempt}",
                server=server.instance_id,
            )
    release.refresh_from_db()


def _poll(release: ServerRelease, clients: Clients) -> dict[str, Invocation]:
    """Return the state of the commands of servers that are being configured, by instance."""
    servers = [one for one in release.servers.all() if one.stage == Stage.CONFIGURING]
    found = {one.instance_id: release_steps.poll(one, clients) for one in servers}
    return {instance_id: one for instance_id, one in found.items() if one is not None}


def _facts(
    deployment: Deployment,
    release: ServerRelease,
    group: Group | None,
    clients: Clients,
    invocations: Mapping[str, Invocation],
    now: datetime,
) -> ReleaseFacts:
    timings = deployment.environment.account.timings
    health = [_targets(clients, arn) for arn in (group.target_groups if group else ())]
    lifecycles = {one.instance_id: one.lifecycle for one in (group.instances if group else ())}
    rows = list(release.servers.all())
    servers = []
    for row in rows:
        states = [targets.get(row.instance_id, "") for targets in health]
        lifecycle = lifecycles.get(row.instance_id, "")
        servers.append(
            ServerFacts(
                instance_id=row.instance_id,
                stage=Stage(row.stage),
                exists=bool(lifecycle) and not lifecycle.startswith(_GONE),
                serves=lifecycle == "InService" and all(state == "healthy" for state in states),
                registered=any(state in _REGISTERED for state in states) or not health,
                drained=not any(states),
                command=release_steps.status_of(row, invocations.get(row.instance_id)),
                seconds=(now - row.stage_at).total_seconds(),
                problem=_problem(deployment, release, row),
            )
        )
    return ReleaseFacts(
        kind=ReleaseKind(release.kind),
        servers=tuple(servers),
        desired=group.desired if group else 0,
        suspended=release.is_suspended,
        goes_back=releases.is_rollback_wanted(deployment),
        returning=release.returning_at is not None,
        stopping=deployment.is_cancel_pending,
        watch=settings.SANSO_RELEASE_WATCH * timings.scale,
        settle=_SETTLE * timings.scale,
        timeout=timings.readiness_timeout.total_seconds(),
        idle=_idle_seconds(release, rows, now),
    )


def _idle_seconds(release: ServerRelease, rows: Sequence[ReleaseServer], now: datetime) -> float:
    """Return the seconds since a server was at work, or since the release or its way back began."""
    active = [one.stage_at for one in rows if one.stage != Stage.WAITING]
    return (now - max([release.returning_at or release.started_at, *active])).total_seconds()


def _targets(clients: Clients, arn: str) -> dict[str, str]:
    """Return the state of each target of a group."""
    try:
        return {one.target_id: one.state for one in clients.elbv2.target_health(arn)}
    except AwsNotFound:
        return {}


def _problem(deployment: Deployment, release: ServerRelease, server: ReleaseServer) -> Message | None:
    """Return the problem that began after the first server got the new version, if any."""
    if server.stage != Stage.WATCHING or not release.baseline:
        return None
    since = datetime.fromisoformat(str(release.baseline["since"]))
    before = _reads(release.baseline)
    now = SiteReads.objects.totals_since(deployment.environment, since)
    during = {
        "reads": now.reads - int(release.baseline["reads"]),
        "failed": now.failed - int(release.baseline["failed"]),
        "milliseconds": now.milliseconds - float(release.baseline["milliseconds"]),
    }
    return watch_problem(before, _reads(during))


def _reads(counted: Mapping[str, float | int | str]) -> Reads:
    total, failed = int(counted["reads"]), int(counted["failed"])
    good = total - failed
    return Reads(total=total, failed=failed, mean=float(counted["milliseconds"]) / good if good > 0 else None)


class _Doing:
    """Do a step of the plan."""

    def __init__(
        self,
        deployment: Deployment,
        release: ServerRelease,
        group: Group | None,
        clients: Clients,
        invocations: Mapping[str, Invocation],
    ) -> None:
        self.deployment, self.release, self.group = deployment, release, group
        self.clients, self.invocations = clients, invocations
        self.servers = {one.instance_id: one for one in release.servers.all()}

    def do(self, step: Step, now: datetime) -> float | None:
        """Do it. Return the seconds until the next step."""
        interval = self.deployment.environment.account.timings.readiness
        if step.act is Act.WAIT:
            return interval
        if step.act is Act.MOVE:
            return self._move(step, now)
        if step.act is Act.CONFIGURE:
            server = self.servers[step.instance_id]
            sent = release_steps.send(self.deployment, self.release, server, self.clients)
            return AT_ONCE if sent else interval
        acts: dict[Act, Callable[[], None]] = {
            Act.SUSPEND: lambda: release_steps.suspend(
                self.deployment, self.release, self.group, self.clients
            ),
            Act.RESUME: lambda: release_steps.resume(self.release, self.clients),
            Act.GO_BACK: lambda: self._go_back(now),
            Act.REGISTER: lambda: self._target(step.instance_id, is_in=True),
            Act.DEREGISTER: lambda: self._target(step.instance_id, is_in=False),
        }
        if step.act in acts:
            acts[step.act]()
            return AT_ONCE if step.act in (Act.SUSPEND, Act.RESUME, Act.GO_BACK) else interval
        if self.release.is_to_resume:
            release_steps.resume(self.release, self.clients)
        if step.act is Act.STOP:
            self._stop()
            return None
        return _continue(self.deployment, self.clients)

    def _go_back(self, now: datetime) -> None:
        failed = next(one for one in self.servers.values() if one.stage == Stage.FAILED)
        _keep_output(self.deployment, failed)  # the rollback may fail there too
        releases.begin_rollback(self.deployment, self.release, now)

    def _target(self, instance_id: str, *, is_in: bool) -> None:
        self.deployment.confirm_claim()
        elbv2 = self.clients.elbv2
        for arn in self.group.target_groups if self.group else ():
            (elbv2.register_target if is_in else elbv2.deregister_target)(arn, instance_id)

    def _move(self, step: Step, now: datetime) -> float:
        server, stage = self.servers[step.instance_id], Stage(step.stage or Stage.WAITING)
        message = step.message
        invocation = self.invocations.get(server.instance_id)
        if stage is Stage.FAILED and invocation is not None:
            message = release_steps.store_output(self.release, server, invocation, self.clients)
        values: dict[str, object] = {"stage": str(stage), "stage_at": now}
        is_back = self.release.returning_at is not None
        if message or not is_back:
            values["message"] = message.as_json() if message else {}
        if stage is Stage.CHECKING:
            values["configured_at"] = None if is_back else release_steps.ended_at(invocation)
        with transaction.atomic():
            self.deployment.record(waiting_for=[])  # this step still owns the release
            release_steps.write(server, **values)
            if stage is Stage.WATCHING:
                self._begin_watch(now)
            event_log.add(
                self.deployment,
                "release.server",
                key=f"{server.instance_id}-{stage}-{server.attempt}",
                server=server.instance_id,
                stage=str(stage),
                message=message.as_json() if message else {},
                **({"back": True} if is_back else {}),
            )
        return AT_ONCE if stage not in AT_WORK - {Stage.CONFIGURING, Stage.DRAINING} else 1.0

    def _begin_watch(self, now: datetime) -> None:
        since = now - BEFORE
        totals = SiteReads.objects.totals_since(self.deployment.environment, since)
        baseline = {"since": since.isoformat(), "reads": totals.reads, "failed": totals.failed}
        ServerRelease.objects.filter(pk=self.release.pk).update(
            baseline=baseline | {"milliseconds": totals.milliseconds}
        )

    def _stop(self) -> None:
        """End the deployment after a failure or a cancellation; the stacks are unchanged."""
        deployment = self.deployment
        environment = Environment.objects.get(pk=deployment.environment_id)
        status, outputs = environment.stack_status, dict(environment.outputs)
        preview.delete_change_set(deployment, self.clients)
        failed = next((one for one in self.servers.values() if one.stage == Stage.FAILED), None)
        with transaction.atomic():
            failure = releases.failure_of(self.release, failed)
            if failure is None:
                cancel.accept(deployment, status, "")
                finalize.finalize(deployment, State.CANCELED, status, outputs)
                return
            if failed is not None:
                _keep_output(deployment, failed)
            elif deployment.is_cancel_pending and not self.release.went_back:
                cancel.accept(deployment, status, "")
            finalize.finalize(deployment, State.FAILED, status, outputs, *failure)


def _keep_output(deployment: Deployment, server: ReleaseServer) -> None:
    """Store the output of the failed server as the evidence of the failure."""
    if not server.output:
        return
    Evidence.objects.get_or_create(
        deployment=deployment,
        kind=str(EvidenceKind.ASSOCIATION_OUTPUT),
        subject=f"{server.instance_id} {server.release.association}"[:255],
        defaults={"text": server.output, "at": timezone.now()},
    )


def _continue(deployment: Deployment, clients: Clients) -> float | None:
    """Change the stacks once every server has the new version; the associations then have nothing to do."""
    return execution.execute_after_servers(deployment, clients)
