"""The output of one run of an association on an instance: where it lies in S3, and what its end says.

State Manager does not say where it lies.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deployments.aws.s3 import S3, StoredObject
from deployments.aws.ssm import ExecutionTarget

LONGEST_RUN = timedelta(hours=2)
SLACK = timedelta(minutes=1)
MOST = 1000
MARGIN = 20 * 1024
"""Bytes that are read before the wanted end, so that a secret value which the cut would part is whole when it
is redacted: CloudFormation takes values of 4 KB, and a URL within a URL has five bytes for one."""


def outputs_of(s3: S3, target: ExecutionTarget) -> list[StoredObject]:
    """Return what the run wrote, in the order of its keys; [] while it wrote nothing, or writes nowhere.

    The agent names the run's folder by the time at which it began, which State Manager does not tell; it
    tells when the run was reported (`target.at`). So this will take the newest folder that is not newer.
    """
    if not target.output_bucket or target.at is None:
        return []
    first = target.output_key + _stamp(target.at - LONGEST_RUN)
    found = s3.list_objects(target.output_bucket, target.output_key, first, MOST)
    latest = _stamp(target.at + SLACK)
    runs = [(_run_of(stored, target.output_key), stored) for stored in found]
    newest = max((run for run, _ in runs if run <= latest), default="")
    return [stored for run, stored in runs if run == newest]


def read_end(s3: S3, bucket: str, key: str, limit: int) -> str:
    """Return the last `limit` bytes of an output, or a little less. Raise AwsNotFound if it is gone.

    Databases keep no NUL in a text; half a character may be its first.
    """
    tail = s3.read_tail(bucket, key, limit + MARGIN)
    text = tail.body.decode(errors="replace").replace("\x00", "")
    if tail.size > limit + MARGIN:
        text = text[MARGIN:]
    return text[-limit:]


def _run_of(stored: StoredObject, folder: str) -> str:
    return stored.key.removeprefix(folder).partition("/")[0]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%S.000Z")
