"""The runs of associations: started, carried out on each instance through its machine, written to S3."""

import datetime
import logging
import re
import threading
import time
from collections.abc import Collection
from dataclasses import replace

from ministack.core.concurrency import spawn_background
from ministack.services import ec2, s3

from portal.sandbox.engine import faults, time_scale
from portal.sandbox.engine.authorization import Denied
from portal.sandbox.engine.registry import Record, here
from portal.sandbox.protocols import in_use
from portal.sandbox.protocols.machines import Outcome, Step
from portal.sandbox.services.autoscaling import signals
from portal.sandbox.services.ssm import agent_role, association_rules, associations, documents, downloads
from portal.sandbox.services.ssm.associations import Association, Execution, TargetRun

logger = logging.getLogger(__name__)

# Seconds AWS takes from an association's start until the instance has run its steps.
DURATIONS = {"AWS-RunShellScript": 60.0}
DURATION = 150.0
REGISTERING = 5.0  # seconds from an instance's registration until State Manager applies associations to it


_starting = threading.RLock()


def look() -> None:
    """Run the associations of this scope where they have not run yet, and those whose schedule says so."""
    for association in associations.store.values():
        reach(association)
        _run_on_schedule(association)


def reach(association: Association) -> None:
    """Run an association on the instances that match it and have not run its present version yet.

    A node that registers later runs it at once, by itself: limits bind it from the next interval
    (API_CreateAssociation, MaxConcurrency and MaxErrors).
    """
    if association.settings.get("ApplyOnlyAtCronInterval"):
        return
    with _starting:
        if association.reached_version != association.version:  # what is there now is not late
            association.reached_version = association.version
            for instance in ec2._instances.values():
                instance.setdefault("_registered_at", time.monotonic())
            association.version_began = time.monotonic()
        known = association.latest()
        applied = list(associations.store.values())
        fresh = [
            instance_id
            for instance_id in association.targets()
            if instance_id not in known and _is_registered(instance_id) and _has_room(instance_id, applied)
        ]
        late = [key for key in fresh if ec2._instances[key]["_registered_at"] > association.version_began]
        for instance_id in late:
            _start(association, [instance_id])
        if present := [key for key in fresh if key not in late]:
            _start(association, present)


def _is_registered(instance_id: str) -> bool:
    """Return whether State Manager knows an instance whose agent responds by now."""
    instance = ec2._instances.get(instance_id)
    if instance is None:
        return False
    since: float = instance.setdefault("_registered_at", time.monotonic())
    passed = time.monotonic() - since >= time_scale.shortened(REGISTERING)
    return passed and agent_role.may_register(instance_id)


def _has_room(instance_id: str, applied: list[Association]) -> bool:
    """Return whether a node has fewer associations than it may have."""
    return sum(instance_id in one.latest() for one in applied) < association_rules.PER_NODE


def _run_on_schedule(association: Association) -> None:
    """Run an association again everywhere when the interval of its rate has passed; it has run at first.

    Where the time scale is 0 no time passes, and no schedule is due.
    """
    minutes = association_rules.rate(str(association.settings.get("ScheduleExpression") or ""))
    interval = time_scale.shortened((minutes or 0) * 60.0)
    if not interval or time.monotonic() - association.interval_began < interval:
        return
    association.interval_began = time.monotonic()
    refresh(association, association.targets())


def start_again(association: Association) -> None:
    """Run an association on every instance that it targets, as StartAssociationsOnce does."""
    with _starting:
        targeted = association.targets()
        if targeted:
            _start(association, targeted)


def refresh(association: Association, instance_ids: Collection[str]) -> None:
    """Run an association on some of its instances, as their agents do for AWS-RefreshAssociation.

    One on which it waits or runs already is left alone (amazon-ssm-agent, refreshassociation.go).
    """
    with _starting:
        latest = association.latest()
        wanted = [
            key
            for key in association.targets()
            if key in instance_ids and not (key in latest and latest[key].status in associations.UNFINISHED)
        ]
        if wanted:
            _start(association, wanted)


def _start(association: Association, targeted: list[str]) -> None:
    for run in association.latest().values():
        # AWS times a run out when the association is started again over it.
        if run.instance_id in targeted and run.status in associations.UNFINISHED:
            run.status = "TimedOut"
    execution = Execution(version=association.version, targets={key: TargetRun(key) for key in targeted})
    association.executions.append(execution)
    for instance_id in targeted:
        in_use.machines().association_targeted(instance_id, association.id)
    spawn_background(_carry_out, association, execution, thread_name=f"association-{association.id[:8]}")


def _carry_out(association: Association, execution: Execution) -> None:
    """Go through the instances, as many at once as MaxConcurrency says, until MaxErrors have failed."""
    settings = dict(association.settings)
    runs = list(execution.targets.values())
    at_once = _share(settings.get("MaxConcurrency", "50"), len(runs))
    tolerated = _share(settings.get("MaxErrors", "50"), len(runs), least=0)
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


def _share(text: object, whole: int, *, least: int = 1) -> int:
    """Read "50%" or "3" as a number of the whole."""
    match = re.fullmatch(r"(\d+)(%?)", str(text))
    if match is None:
        return least
    number = int(match[1]) * whole // 100 if match[2] else int(match[1])
    return max(least, number)


def _run(association: Association, settings: Record, run: TargetRun) -> None:
    def overtaken() -> bool:
        return run.status == "TimedOut" or association.id not in associations.store

    run.status = "InProgress"
    if not in_use.machines().setup_timeout:  # else running it takes its time
        time_scale.sleep(DURATIONS.get(settings["Name"], DURATION), overtaken)
    if overtaken():
        return
    try:
        failure, processed, total = _steps(association, settings, run)
    except Exception as error:
        logger.exception("The association %s could not be run on %s.", association.id, run.instance_id)
        failure, processed, total = str(error), 0, 1
    if run.status == "TimedOut":
        return
    if not agent_role.may_report(run.instance_id):
        return
    succeeded = processed if failure is None else processed - 1
    run.summary = (
        f"{processed} out of {total} plugin{'s' if total > 1 else ''} processed, "
        f"{max(succeeded, 0)} success, {int(failure is not None)} failed, "
        f"0 timedout, 0 skipped. {failure or ''}"
    )
    run.at = datetime.datetime.now(datetime.UTC).timestamp()
    in_use.machines().association_ended(run.instance_id, association.id, failure is None)
    run.status = "Success" if failure is None else "Failed"


def _signaled(association: Association, settings: Record, run: TargetRun, outcome: Outcome) -> Outcome:
    """Send the signal to CloudFormation that the association's commands would send, where they do not run.

    A refusal is in what they print, and does not fail them.
    """
    waiting = agent_role.signaled_stack(settings.get("Parameters") or {})
    if not waiting or (in_use.machines().signals_itself and not _injected(association, run.instance_id)):
        return outcome
    configured = not outcome.exit_code
    in_use.machines().association_ended(run.instance_id, association.id, configured)
    try:
        signals.send(
            run.instance_id,
            configured=configured,
            allowed=lambda stack: agent_role.require_signal(run.instance_id, waiting, stack),
        )
    except Denied as denied:
        operation = denied.action.partition(":")[2]
        problem = f"An error occurred (AccessDenied) when calling the {operation} operation: {denied}\n"
        return replace(outcome, stderr=f"{outcome.stderr}\n{problem}".lstrip("\n"))
    return outcome


def _steps(association: Association, settings: Record, run: TargetRun) -> tuple[str | None, int, int]:
    """Run the document's steps in order; returns why one failed, how many ran and how many there are.

    After a failure only a step marked as finallyStep runs, where machines run commands; elsewhere the signal
    of the failure is all that it would do.
    """
    document = documents.get(settings["Name"])
    try:
        agent_role.require_document(run.instance_id, document.name, document.name in documents.OWNED_BY_AWS)
    except Denied as denied:
        name = association.name()
        return f"Encountered error while loading association {name} contents. AccessDenied: {denied}", 0, 1
    text = document.text(settings["DocumentVersion"])
    steps = documents.steps(text, settings.get("Parameters") or {})
    now = datetime.datetime.now(datetime.UTC)
    stamp = f"{now:%Y-%m-%dT%H-%M-%S}.{now.microsecond // 1000:03d}Z"
    injected = _injected(association, run.instance_id)
    failure, processed = None, 0
    for number, step in enumerate(steps, start=1):
        if failure and not (step.is_final and in_use.machines().signals_itself):
            continue
        if injected and number == len(steps):
            outcome = Outcome(exit_code=1, stdout=injected.stdout, stderr=f"{injected.stderr}\n")
        else:
            outcome = _run_step(run.instance_id, step)
        if not failure and (outcome.exit_code or number == len(steps)):
            outcome = _signaled(association, settings, run, outcome)
        processed += 1
        run.output_url = _write_output(association, settings, run, step, stamp, outcome) or run.output_url
        if outcome.exit_code and not failure:
            cause = f"failed to run commands: exit status {outcome.exit_code}"
            failure = f"The operation {step.plugin} failed because {cause}."
    return failure, processed, len(steps)


def _run_step(instance_id: str, step: Step) -> Outcome:
    """Run a step; a download from S3 that finds nothing fails on instances of every kind."""
    if step.plugin == downloads.PLUGIN and downloads.lower_case(step.inputs).get("sourcetype") == "S3":
        try:
            step = replace(step, content=downloads.content(instance_id, step.inputs))
        except downloads.DownloadFailed as problem:
            sentence = f"Content could not be downloaded: {problem}\n"
            return Outcome(exit_code=1, stdout="", stderr=sentence)
    return in_use.machines().run_step(instance_id, step)


def _injected(association: Association, instance_id: str) -> faults.AssociationFault | None:
    """Return how the run fails on purpose; None when it does not."""
    wanted = faults.association_failure(here().account, association.name())
    return wanted if wanted is not None and wanted.hits(instance_id) else None


def _write_output(
    association: Association,
    settings: Record,
    run: TargetRun,
    step: Step,
    stamp: str,
    outcome: Outcome,
) -> str | None:
    """Write stdout and stderr where the agent does; it only logs that it may not, or that no bucket is there.

    The key's layout is the agent's: PREFIX/INSTANCE/ASSOCIATION/TIME/PLUGIN/STEP/stdout.
    """
    location = (settings.get("OutputLocation") or {}).get("S3Location") or {}
    bucket = location.get("OutputS3BucketName")
    if not bucket:
        return None
    prefix = str(location.get("OutputS3KeyPrefix") or "").strip("/")
    base = "/".join(part for part in (prefix, run.instance_id, association.id, stamp, step.folder) if part)
    for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        if text and agent_role.may_write(run.instance_id, bucket, f"{base}/{name}"):
            s3._put_object(bucket, f"{base}/{name}", text.encode(), {"content-type": "text/plain"})
    return (
        f"https://s3.{location.get('OutputS3Region') or here().region}.amazonaws.com/{bucket}/{base}/stdout"
    )
