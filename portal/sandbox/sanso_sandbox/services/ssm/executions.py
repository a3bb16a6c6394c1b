"""The runs of associations: started, executed on each instance through its machine, written to S3."""

import datetime
import logging
import threading
import time
from collections.abc import Collection

from ministack.core.concurrency import spawn_background
from ministack.services import ec2

from sanso_sandbox.engine import time_scale
from sanso_sandbox.engine.registry import Record, here
from sanso_sandbox.protocols import in_use
from sanso_sandbox.services.ec2 import egress
from sanso_sandbox.services.ssm import agent_asks, agent_role, agent_runs, association_rules, associations
from sanso_sandbox.services.ssm.associations import Association, Execution, TargetRun

logger = logging.getLogger(__name__)

# AWS's seconds from an association's start until the instance has run its steps.
DURATIONS = {"AWS-RunShellScript": 60.0, "AWS-RefreshAssociation": 0.0}
DURATION = 150.0
REGISTERING = 5.0  # seconds from an instance's registration until State Manager applies associations


_starting = threading.RLock()


def look() -> None:
    """Run the associations of this scope on new instances, and those that are due by their schedules."""
    for association in associations.store.values():
        reach(association)
        _run_on_schedule(association)


def reach(association: Association) -> None:
    """Run an association on matching instances that have not run its current version.

    A node that registers later runs it separately and at once; limits apply to it from the next interval on
    (API_CreateAssociation, MaxConcurrency and MaxErrors).
    """
    if association.settings.get("ApplyOnlyAtCronInterval"):
        return
    with _starting:
        if association.reached_version != association.version:  # nodes that exist now do not count as late
            association.reached_version = association.version
            for instance in ec2._instances.values():
                instance.setdefault("_registered_at", time.monotonic())
            association.version_began = time.monotonic()
        known = association.latest()
        applied = list(associations.store.values())
        fresh = [
            instance_id
            for instance_id in association.targets()
            if instance_id not in known and is_registered(instance_id) and _has_room(instance_id, applied)
            if agent_asks.has_asked(ec2._instances[instance_id]["_registered_at"], association.version_began)
        ]
        late = [key for key in fresh if ec2._instances[key]["_registered_at"] > association.version_began]
        for instance_id in late:
            _start(association, [instance_id])
        if present := [key for key in fresh if key not in late]:
            _start(association, present)


def is_registered(instance_id: str) -> bool:
    """Return whether an instance is registered with State Manager, with a responding agent."""
    instance = ec2._instances.get(instance_id)
    if instance is None or not ec2.instance_is_managed(instance_id):
        return False
    since: float = instance.setdefault("_registered_at", time.monotonic())
    passed = time.monotonic() - since >= time_scale.shortened(REGISTERING)
    if not passed or not agent_role.may_register(instance_id) or not egress.reaches(instance_id, "ssm"):
        return False
    instance["_was_registered"] = True
    return True


def ping_status(instance_id: str) -> str:
    """Return Online, ConnectionLost for a node that has lost its way to Systems Manager, "" for no node.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_InstanceInformation.html
    """
    if is_registered(instance_id):
        return "Online"
    instance = ec2._instances.get(instance_id) or {}
    lost = instance.get("_was_registered") and ec2.instance_is_managed(instance_id)
    return "ConnectionLost" if lost and not egress.reaches(instance_id, "ssm") else ""


def _has_room(instance_id: str, applied: list[Association]) -> bool:
    """Return whether a node has fewer associations than the maximum."""
    return sum(instance_id in one.latest() for one in applied) < association_rules.PER_NODE


def _run_on_schedule(association: Association) -> None:
    """Run an association on all targets again after each interval of its rate; the first run is separate.

    With time scale 0, no time passes and no schedule is due.
    """
    minutes = association_rules.rate(str(association.settings.get("ScheduleExpression") or ""))
    interval = time_scale.shortened((minutes or 0) * 60.0)
    if not interval or time.monotonic() - association.interval_began < interval:
        return
    association.interval_began = time.monotonic()
    refresh(association, association.targets())


def start_again(association: Association) -> None:
    """Run an association on all its registered targets, like StartAssociationsOnce."""
    with _starting:
        targeted = [key for key in association.targets() if is_registered(key)]
        if targeted:
            _start(association, targeted)


def refresh(association: Association, instance_ids: Collection[str]) -> None:
    """Run an association on some of its instances, as their agents do for AWS-RefreshAssociation.

    Instances on which a run waits or is in progress are skipped (amazon-ssm-agent, refreshassociation.go),
    and those that are not registered: Systems Manager reaches no agent there.
    """
    with _starting:
        latest = association.latest()
        wanted = [
            key
            for key in association.targets()
            if key in instance_ids
            and is_registered(key)
            and not (key in latest and latest[key].status in associations.UNFINISHED)
        ]
        if wanted:
            _start(association, wanted)


def _start(association: Association, targeted: list[str]) -> None:
    for run in association.latest().values():
        # AWS times out a run when the association is started again during it.
        if run.instance_id in targeted and run.status in associations.UNFINISHED:
            run.status = "TimedOut"
    execution = Execution(version=association.version, targets={key: TargetRun(key) for key in targeted})
    association.executions.append(execution)
    for instance_id in targeted:
        in_use.machines().association_targeted(instance_id, association.id)
    spawn_background(_carry_out, association, execution, thread_name=f"association-{association.id[:8]}")


def _carry_out(association: Association, execution: Execution) -> None:
    """Run on the instances, at most MaxConcurrency at a time, until more than MaxErrors have failed."""
    settings = dict(association.settings)
    runs = list(execution.targets.values())
    at_once = association_rules.share(settings.get("MaxConcurrency", "50"), len(runs))
    tolerated = association_rules.share(settings.get("MaxErrors", "50"), len(runs), least=0)
    for first in range(0, len(runs), at_once):
        if sum(run.status == "Failed" for run in runs) > tolerated:
            for run in runs[first:]:
                run.status = "Skipped"
            return
        threads = [
            spawn_background(_run, association, settings, run, thread_name=f"association-{run.instance_id}")
            for run in runs[first : first + at_once]
        ]
        for thread in threads:
            thread.join()


def _run(association: Association, settings: Record, run: TargetRun) -> None:
    def overtaken() -> bool:
        return run.status == "TimedOut" or association.id not in associations.store

    run.status = "InProgress"
    if not in_use.machines().setup_timeout:  # otherwise running it takes real time
        time_scale.sleep(DURATIONS.get(settings["Name"], DURATION), overtaken)
    if overtaken():
        return
    try:
        done = agent_runs.run(run.instance_id, _work(association, settings, run))
    except Exception as error:
        logger.exception("The association %s could not be run on %s.", association.id, run.instance_id)
        done = agent_runs.AgentRun(failure=str(error), total=1)
    if run.status == "TimedOut":
        return
    if not agent_role.may_report(run.instance_id) or not egress.reaches(run.instance_id, "ssm"):
        return
    failure, total, processed = done.failure, done.total, len(done.steps)
    run.output_url = done.steps[-1].output_url or None if done.steps else None
    succeeded = processed if failure is None else processed - 1
    run.summary = (
        f"{processed} out of {total} plugin{'s' if total > 1 else ''} processed, "
        f"{max(succeeded, 0)} success, {int(failure is not None)} failed, "
        f"0 timedout, 0 skipped. {failure or ''}"
    )
    run.at = datetime.datetime.now(datetime.UTC).timestamp()
    in_use.machines().association_ended(run.instance_id, association.id, failure is None)
    run.status = "Success" if failure is None else "Failed"


def _work(association: Association, settings: Record, run: TargetRun) -> agent_runs.Work:
    """Return the agent's work. The layout of keys is the agent's: PREFIX/INSTANCE/ASSOCIATION/TIME/…."""
    location = (settings.get("OutputLocation") or {}).get("S3Location") or {}
    output = None
    if bucket := location.get("OutputS3BucketName"):
        now = datetime.datetime.now(datetime.UTC)
        stamp = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03d}Z"
        prefix = str(location.get("OutputS3KeyPrefix") or "")
        output = agent_runs.Output(
            bucket=bucket,
            folder=agent_runs.folder(prefix, run.instance_id, association.id, stamp),
            region=location.get("OutputS3Region") or here().region,
        )
    return agent_runs.Work(
        document=settings["Name"],
        version=settings["DocumentVersion"],
        parameters=settings.get("Parameters") or {},
        name=association.name(),
        association=association.id,
        output=output,
    )
