"""Store the evidence of a failure while it exists: a rollback soon deletes logs, groups and servers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from deployments.aws.autoscaling import ScalingActivity
from deployments.aws.logs import LogMessage, Logs, StreamEnd
from deployments.aws.reachability import blocked
from deployments.aws.session import Clients
from deployments.aws.ssm import ExecutionTarget
from deployments.cloudformation.root_cause import Failure, first_failure
from deployments.common.errors import AwsFailure, AwsNotFound, AwsRetryable, Message
from deployments.common.message_codes import Code
from deployments.common.rules.aws_error_codes import denied_action
from deployments.common.rules.stored_messages import read_message
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.failures.models import Evidence
from deployments.failures.rules.catalogue import recognize
from deployments.failures.rules.cause import EvidenceKind
from deployments.failures.steps import run_outputs
from deployments.health.models.balancing import Target
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.fleet import FleetInstance
from deployments.health.rules.aws_statuses import RUN_FAILED, RUN_SKIPPED
from deployments.health.shared import blocked_connections
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import STACK_TYPE, Resource
from deployments.stacks.shared import forecast

LINES = 40
"""Number of lines of a log that are stored: the last ones."""
MAX_LENGTH = 20_000
"""Maximum length of one piece of evidence; the end is stored."""
EXECUTIONS = 10  # of an association, newest first
ACTIVITIES = 10
LONGEST_INVOCATION = timedelta(minutes=15)
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
_STREAM = re.compile(r"log stream:? ?(?P<stream>\d{4}/\S+?)\.?(?:\s|$)", re.IGNORECASE)
_GROUP = "AWS::AutoScaling::AutoScalingGroup"
_BY_TYPE = {
    _GROUP: EvidenceKind.SCALING_ACTIVITIES,
    "AWS::CloudFormation::CustomResource": EvidenceKind.FUNCTION_LOG,
    "AWS::SSM::Association": EvidenceKind.ASSOCIATION_OUTPUT,
}
_APART = [str(EvidenceKind.CONNECTIONS), str(EvidenceKind.VALIDATION)]
"""What is stored apart from the other kinds, which are read once."""
_ASSOCIATION = "AWS::SSM::Association"
_FUNCTION = "AWS::Lambda::Function"
_LOG_GROUP = "AWS::Logs::LogGroup"


def gather(deployment: Deployment, clients: Clients, *, is_last: bool = False) -> None:
    """Store the evidence of the first failure of a deployment, once. Errors of AWS are not raised.

    Evidence that AWS throttles or does not have yet, such as a late log, is left to the next step unless this
    one `is_last`.
    """
    failure = failure_of(deployment)
    if failure is None or deployment.is_stopping:
        return
    kinds = _kinds(failure)
    if EvidenceKind.CONNECTIONS in kinds:
        functions = function_names(deployment, failure) if EvidenceKind.FUNCTION_LOG in kinds else []
        _store_connections(deployment, clients, functions, is_silent=_is_silent(failure))
    if Evidence.objects.of(deployment).exclude(kind__in=_APART).exists():
        _withdraw_refuted(deployment)
        return
    if EvidenceKind.FUNCTION_LOG in kinds:
        _store_log(deployment, clients, failure, is_last=is_last)
    if EvidenceKind.SCALING_ACTIVITIES in kinds:
        _store_activities(deployment, clients, failure)
    if EvidenceKind.ASSOCIATION_OUTPUT in kinds and failure.type in (_ASSOCIATION, _GROUP):
        _store_runs(deployment, clients, failure)
        outputs = Evidence.objects.of(deployment).filter(kind=str(EvidenceKind.ASSOCIATION_OUTPUT))
        if not outputs.exists():  # the rollback was faster: use earlier observations
            _store_outputs(deployment, clients)
        if is_last and not Evidence.objects.of(deployment).exists():
            _store_written(deployment, clients, failure)
    if EvidenceKind.TARGET_REASONS in kinds:
        _store_target_reasons(deployment)
    _withdraw_refuted(deployment)


def gather_observed(deployment: Deployment, clients: Clients) -> None:
    """Store the observed state of the servers that are not ready."""
    _store_outputs(deployment, clients)
    _store_target_reasons(deployment)
    _store_connections(deployment, clients)
    _withdraw_refuted(deployment)


def _is_silent(failure: Failure) -> bool:
    known = recognize(failure.type, failure.reason)
    return known is not None and known.cause.code == "CustomResourceSilent"


def _store_connections(
    deployment: Deployment, clients: Clients, functions: Sequence[str] = (), *, is_silent: bool = False
) -> None:
    """Store which needed connections the network does not allow, once; nothing if that cannot be read.

    Args:
        functions: the names of the functions behind a failed resource.
        is_silent: whether their response is missing.
    """
    known = Evidence.objects.of(deployment).filter(kind=str(EvidenceKind.CONNECTIONS))
    if known.exists():
        return
    try:
        sentences = blocked_connections.of_environment(
            deployment.environment, clients, functions, is_silent=is_silent
        )
    except AwsFailure:
        return
    if sentences:
        text = "\n".join(sentences)
        _store(deployment, EvidenceKind.CONNECTIONS, deployment.environment.name, text)


def _withdraw_refuted(deployment: Deployment) -> None:
    """Withdraw blocked connections that the output of servers refutes, which is often read later."""
    pieces = Evidence.objects.of(deployment)
    outputs = pieces.filter(kind=str(EvidenceKind.ASSOCIATION_OUTPUT), text__contains="\n")
    ran = {piece.subject.partition(" ")[0] for piece in outputs}
    for piece in pieces.filter(kind=str(EvidenceKind.CONNECTIONS)) if ran else ():
        kept = "\n".join(blocked.without_refuted(piece.text.splitlines(), ran))
        if not kept:
            piece.delete()
        elif kept != piece.text:
            pieces.filter(pk=piece.pk).update(text=kept)


def failure_of(deployment: Deployment) -> Failure | None:
    """Return what failed first in a deployment; None if no resource failed."""
    landmarks = Event.objects.of(deployment).landmarks()
    return first_failure(found for event in landmarks if (found := event.as_failure()))


def _kinds(failure: Failure) -> set[EvidenceKind]:
    """Return the kinds of evidence to look for: those of the known cause and of the resource type."""
    known = recognize(failure.type, failure.reason)
    kinds = set(known.cause.evidence) if known else set()
    if failure.type.startswith("Custom::"):
        kinds.add(EvidenceKind.FUNCTION_LOG)
    if failure.type in _BY_TYPE:
        kinds.add(_BY_TYPE[failure.type])
    return kinds


def _store_log(deployment: Deployment, clients: Clients, failure: Failure, *, is_last: bool) -> None:
    started = Event.objects.of(deployment).start_of(failure) or failure.at - LONGEST_INVOCATION
    stream = found["stream"] if (found := _STREAM.search(failure.reason)) else ""
    for group in _log_groups(deployment, failure):
        try:
            end = _stream_end(clients.logs, group, stream, started, failure.at)
        except AwsRetryable:
            return
        except AwsNotFound:
            problem = Message(Code.LOG_DELETED)
            _store(deployment, EvidenceKind.FUNCTION_LOG, group, problem=problem)
        except AwsFailure as exc:
            _store(deployment, EvidenceKind.FUNCTION_LOG, group, problem=unreadable(exc))
        else:
            if end is None and is_last:
                _store(deployment, EvidenceKind.FUNCTION_LOG, group, problem=Message(Code.LOG_EMPTY))
            if end and end.lines:
                _store(
                    deployment,
                    EvidenceKind.FUNCTION_LOG,
                    f"{group} {end.stream}",
                    _log_text(end.lines[-LINES:]),
                )


def _stream_end(
    logs: Logs, group: str, stream: str, started_at: datetime, failed_at: datetime
) -> StreamEnd | None:
    """Return the function's output, from the log stream in the reason if it contains one.

    Otherwise read the stream that was written to last between the start of the resource and its failure: the
    function may serve other resources, the rollback calls it again, and each call may run in an execution
    environment with its own stream.
    """
    if stream:
        return StreamEnd(stream, logs.tail(group, stream, LINES))
    return logs.written_before(group, started_at, failed_at)


def function_names(deployment: Deployment, failure: Failure) -> list[str]:
    """Return the names of the functions behind the failed resource."""
    return [row.physical_id for row, _rows in _functions(deployment, failure)]


def _log_groups(deployment: Deployment, failure: Failure) -> Iterator[str]:
    """Yield the log groups of the functions behind the failed resource.

    A function that writes to a log group of the template depends on that group; otherwise the group has
    Lambda's default name.
    """
    for row, rows in _functions(deployment, failure):
        named = [
            rows[str(below)].physical_id
            for below, _way in row.depends_on
            if str(below) in rows and rows[str(below)].type == _LOG_GROUP and rows[str(below)].physical_id
        ]
        yield from named or [f"/aws/lambda/{row.physical_id}"]


def _functions(deployment: Deployment, failure: Failure) -> Iterator[tuple[Resource, dict[str, Resource]]]:
    """Yield the functions behind the failed resource, each with the rows of all resources by their paths.

    An update has rows of what it changes only: a function that is not part of it has its row in an earlier
    deployment.
    """
    rows = {row.path: row for row in Resource.objects.newest_of(deployment.environment)}
    rows |= {_path(row): row for row in Resource.objects.of_deployment(deployment).select_related("stack")}
    own = f"{failure.path}/{failure.logical_id}".lstrip("/")
    functions = forecast.graph_of(deployment).providers.get(own) or _reached(own, rows)
    for path in functions:
        if path not in rows:
            continue
        row = rows[path]
        if row.type == _FUNCTION and row.physical_id:
            yield row, rows


def _reached(start: str, rows: Mapping[str, Resource]) -> Iterator[str]:
    """Yield a resource and its dependencies, near ones first, up to the first functions.

    A dependency on a nested stack means one on its outputs: all functions in the stack count.
    """
    seen, queue = {start}, [start]
    while queue:
        path = queue.pop(0)
        if path not in rows:
            continue
        yield path
        if rows[path].type == _FUNCTION:
            continue
        below = [str(dependency) for dependency, _way in rows[path].depends_on]
        if path != start and rows[path].type == STACK_TYPE:
            below += [at for at, row in rows.items() if at.startswith(f"{path}/") and row.type == _FUNCTION]
        queue += [dependency for dependency in below if dependency not in seen]
        seen.update(below)


def row_at(deployment: Deployment, failure: Failure) -> Resource | None:
    """Return the row of the resource that failed."""
    path = f"{failure.path}/{failure.logical_id}".lstrip("/")
    rows = Resource.objects.of_deployment(deployment).select_related("stack")
    return next((row for row in rows if _path(row) == path), None)


def _path(row: Resource) -> str:
    return f"{row.stack.path}/{row.logical_id}".lstrip("/")


def _log_text(lines: tuple[LogMessage, ...]) -> str:
    return "\n".join(f"{line.at:%H:%M:%S} {line.text}" for line in lines)


def _store_activities(deployment: Deployment, clients: Clients, failure: Failure) -> None:
    row = row_at(deployment, failure)
    if row is None or row.type != _GROUP or not row.physical_id:
        return
    try:
        activities = clients.autoscaling.activities(row.physical_id, ACTIVITIES)
    except AwsRetryable:
        return
    except AwsFailure as exc:
        _store(deployment, EvidenceKind.SCALING_ACTIVITIES, row.physical_id, problem=unreadable(exc))
        return
    if activities:
        text = "\n".join(_activity_text(activity) for activity in activities)
        _store(deployment, EvidenceKind.SCALING_ACTIVITIES, row.physical_id, text)


def _activity_text(activity: ScalingActivity) -> str:
    message = f": {activity.message}" if activity.message else ""
    return f"{activity.started_at:%H:%M:%S} {activity.status} {activity.description}{message}"


def _store_runs(deployment: Deployment, clients: Clients, failure: Failure) -> None:
    """Store the output of every instance on which the failed association failed.

    A group without enough signals waits for servers that associations configure: check all associations.
    """
    row = row_at(deployment, failure)
    if row is None:
        return
    of_group = (
        Resource.objects.of_deployment(deployment).filter(type=_ASSOCIATION) if row.type == _GROUP else ()
    )
    for association_id in filter(None, [one.physical_id for one in of_group or (row,)]):
        try:
            failed = list(_failed_targets(clients, association_id))
            others = _others(deployment, [target.instance_id for _name, target in failed])
            for name, target in failed:
                if target.instance_id in others:
                    continue
                text = run_outputs.text_of(clients.s3, target, MAX_LENGTH)
                _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, f"{target.instance_id} {name}", text)
        except AwsRetryable:
            return
        except AwsFailure as exc:
            _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, association_id, problem=unreadable(exc))


def _others(deployment: Deployment, instance_ids: Collection[str]) -> set[str]:
    """Return those that are servers of other environments: what failed on them is not of this deployment."""
    return FleetInstance.objects.of_others(deployment.environment, instance_ids)


def _failed_targets(clients: Clients, association_id: str) -> Iterator[tuple[str, ExecutionTarget]]:
    """Yield (name, instance) where the latest run of an association failed.

    A server that registers late runs the association in a separate execution.
    """
    for association in clients.ssm.associations([association_id]):
        seen: set[str] = set()
        for execution in clients.ssm.executions(association_id, EXECUTIONS):
            for target in clients.ssm.execution_targets(
                association_id, execution.execution_id, association.output_bucket, association.output_prefix
            ):
                if target.instance_id not in seen and target.status in RUN_FAILED:
                    yield association.name or association_id, target
                seen.add(target.instance_id)


def _store_written(deployment: Deployment, clients: Clients, failure: Failure) -> None:
    """Store the association output in S3 that State Manager no longer has, or why it cannot be read."""
    row = row_at(deployment, failure)
    if row is None or not row.physical_id:
        return
    known = Association.objects.of(deployment.environment).with_id(row.physical_id)
    if known is None or not known.output_bucket:
        problem = Message(Code.OUTPUT_NOT_LOCATED)
        _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, row.physical_id, problem=problem)
        return
    place = known.output_bucket, known.output_prefix
    try:
        found = list(run_outputs.written_by(clients.s3, row.physical_id, *place, failure.at, MAX_LENGTH))
    except AwsFailure as exc:
        _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, row.physical_id, problem=unreadable(exc))
        return
    others = _others(deployment, [instance_id for instance_id, _text in found])
    found = [one for one in found if one[0] not in others]
    for instance_id, text in found:
        _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, f"{instance_id} {known}", text)
    if not found:
        problem = Message(Code.OUTPUT_NOT_FOUND, dict(zip(("bucket", "prefix"), place, strict=True)))
        _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, row.physical_id, problem=problem)


def _store_outputs(deployment: Deployment, clients: Clients) -> None:
    """Store the output of every run that failed, or was in progress when it was last observed.

    The association may have been deleted; the output of its runs is still in S3.
    """
    runs = list(AssociationRun.objects.of(deployment.environment).not_succeeded())
    others = _others(deployment, [run.instance_id for run in runs])
    for run in runs:
        if run.status in RUN_SKIPPED or run.instance_id in others:
            continue  # it has written nothing, or about another environment
        subject = f"{run.instance_id} {run.association}"
        if run.output_at:
            head = f"{run.failed_task}: {run.failed_message}".strip(": ") or run.status
            text = "\n".join(part for part in (head, run.error_output, run.output) if part)
            _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, subject, text)
            continue
        try:
            text = run_outputs.text_of(clients.s3, _as_target(run), MAX_LENGTH)
        except AwsFailure as exc:
            _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, subject, problem=unreadable(exc))
        else:
            if run.status in RUN_FAILED or "\n" in text:
                _store(deployment, EvidenceKind.ASSOCIATION_OUTPUT, subject, text)


def _as_target(run: AssociationRun) -> ExecutionTarget:
    return ExecutionTarget(
        association_id=run.association.association_id,
        execution_id=run.execution_id,
        instance_id=run.instance_id,
        status=run.status,
        detailed_status=run.detailed_status,
        at=run.at or timezone.now(),
        output_bucket=run.output_bucket,
        output_key=run.output_key,
    )


def _store_target_reasons(deployment: Deployment) -> None:
    """Store the result of the health checks of every target that is not healthy."""
    bad = [t for t in Target.objects.of(deployment.environment) if t.state != "healthy"]
    lines = [_reason_text(target) for target in bad]
    if lines:
        _store(deployment, EvidenceKind.TARGET_REASONS, deployment.environment.name, "\n".join(lines))


def _reason_text(target: Target) -> str:
    text = (
        f"{target.tier} {target.target_id}:{target.port} {target.state} {target.reason} {target.description}"
    )
    missing = read_message(target.missing_path)
    return "\n".join([text.rstrip(), *([message_text(missing)] if missing else [])])


def unreadable(exc: AwsFailure) -> Message:
    """Return the message about evidence that cannot be read."""
    return Message(
        Code.EVIDENCE_UNREADABLE,
        {
            "action": denied_action(exc.code, exc.message, exc.operation),
            "aws": exc.message,
            "code": exc.code,
        },
    )


def _store(
    deployment: Deployment, kind: EvidenceKind, subject: str, text: str = "", problem: Message | None = None
) -> None:
    Evidence.objects.get_or_create(
        deployment=deployment,
        kind=str(kind),
        subject=subject[:255],
        defaults={
            "text": text[-MAX_LENGTH:],
            "problem": problem.as_json() if problem else {},
            "at": timezone.now(),
        },
    )
