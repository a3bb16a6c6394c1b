"""The ends of the outputs of association runs, from S3: read once, failed runs first."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from deployments.aws.outputs import outputs_of, read_end
from deployments.aws.s3 import StoredObject
from deployments.aws.ssm import ExecutionTarget
from deployments.health.models.configuration import AssociationRun
from deployments.health.rules.ansible import read_output
from deployments.health.rules.aws_statuses import RUN_ENDED, RUN_FAILED, RUN_SKIPPED
from deployments.health.steps.observe.poll_round import ObservedEnvironment, PollRound

OUTPUT_BYTES, ERROR_BYTES = 64 * 1024, 16 * 1024
BATCH_SIZE = 4
"""Number of outputs that one step reads; each takes up to three calls."""
GIVE_UP_AFTER = timedelta(minutes=15)
"""The agent writes an output after its step has ended; after this time, none is expected."""


def read(polls: PollRound, one: ObservedEnvironment) -> bool:
    """Read outputs that are missing. Return whether one was found.

    A skipped run has written no output: the one in S3 is from an earlier run.
    """
    missing = (
        AssociationRun.objects.of(one.environment)
        .newest_of_each()
        .filter(output_at=None, status__in=RUN_ENDED - RUN_SKIPPED)
        .exclude(output_bucket="")
        .select_related("association")
    )
    runs = sorted(missing[:100], key=lambda run: (run.status not in RUN_FAILED, run.pk))
    found = [_read_one(polls, one, run) for run in runs[:BATCH_SIZE]]
    return any(found)


def _read_one(polls: PollRound, one: ObservedEnvironment, run: AssociationRun) -> bool:
    target = ExecutionTarget(
        association_id=run.association.association_id,
        execution_id=run.execution_id,
        instance_id=run.instance_id,
        status=run.status,
        detailed_status=run.detailed_status,
        at=run.at,
        output_bucket=run.output_bucket,
        output_key=run.output_key,
    )
    stored = polls.call([one], partial(outputs_of, polls.clients.s3, target))
    if not stored:
        if run.at is None or polls.now - run.at > GIVE_UP_AFTER:
            AssociationRun.objects.filter(pk=run.pk).update(output_at=polls.now)
        return False
    output = _text(polls, one, run, _last(stored, "stdout"), OUTPUT_BYTES)
    errors = _text(polls, one, run, _last(stored, "stderr"), ERROR_BYTES)
    found = read_output(output, errors, failed=run.status in RUN_FAILED)
    AssociationRun.objects.filter(pk=run.pk).update(
        output=output,
        error_output=errors,
        output_at=polls.now,
        failed_task=found.failed_task,
        failed_message=found.message,
        recap=dict(found.recap),
    )
    return True


def _last(stored: list[StoredObject], name: str) -> StoredObject | None:
    """Return the output of the last step that has one: the agent writes each at the end of the step."""
    named = [one for one in stored if one.key.rpartition("/")[2] == name]
    return max(named, key=lambda one: (one.modified_at, one.key), default=None)


def _text(
    polls: PollRound, one: ObservedEnvironment, run: AssociationRun, stored: StoredObject | None, limit: int
) -> str:
    if stored is None:
        return ""
    end = partial(read_end, polls.clients.s3, run.output_bucket, stored.key, limit)
    return polls.call([one], end) or ""
