"""Outputs of association runs in S3: of a known run, and of runs that only S3 has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from deployments.aws.outputs import outputs_of, read_end
from deployments.aws.s3 import S3
from deployments.aws.ssm import ExecutionTarget
from deployments.health.rules.ansible import read_output
from deployments.health.rules.aws_statuses import RUN_FAILED

MAX_OBJECTS = 1000


def text_of(s3: S3, target: ExecutionTarget, max_length: int) -> str:
    """Return the failed task, its message and the end of the output; only the status if the run succeeded.

    The output of a run that succeeded does not explain a failure.
    """
    printed = {"stdout": "", "stderr": ""}
    for stored in outputs_of(s3, target):
        name = stored.key.rpartition("/")[2]
        if name in printed:
            printed[name] = read_end(s3, target.output_bucket, stored.key, max_length // 3)
    found = read_output(printed["stdout"], printed["stderr"], failed=True)
    if target.status not in RUN_FAILED and not (found.failed_task or printed["stderr"].strip()):
        return target.detailed_status or target.status
    head = f"{found.failed_task}: {found.message}".strip(": ") or target.detailed_status or target.status
    return "\n".join(part for part in (head, printed["stderr"], printed["stdout"]) if part)


def written_by(
    s3: S3, association_id: str, bucket: str, prefix: str, before: datetime, max_length: int
) -> Iterator[tuple[str, str]]:
    """Yield (instance, text) for each instance on which an association failed, according to S3.

    State Manager may have forgotten the association: its keys are `<prefix>/<instance>/<association>/…`.
    """
    folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    keys = [stored.key for stored in s3.list_objects(bucket, folder, "", MAX_OBJECTS)]
    own = f"/{association_id}/"
    folders = dict.fromkeys(f"{key.partition(own)[0]}{own}" for key in keys if own in key)
    for place in folders:
        instance_id = place.removesuffix(own).rpartition("/")[2]
        target = ExecutionTarget(
            association_id=association_id,
            execution_id="",
            instance_id=instance_id,
            status="",
            detailed_status="",
            at=before,
            output_bucket=bucket,
            output_key=place,
        )
        if text := text_of(s3, target, max_length):
            yield instance_id, text
