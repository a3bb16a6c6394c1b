"""The output of one run of an association on an instance: its location in S3, and its end.

State Manager does not report the location.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from deployments.aws.s3 import S3, StoredObject
from deployments.aws.ssm import ExecutionTarget

MAX_RUN = timedelta(hours=2)
CLOCK_SKEW = timedelta(minutes=1)
MAX_OBJECTS = 1000
MARGIN = 20 * 1024
"""Additional bytes read before the returned end, so that a secret value at the cut is complete when it is
redacted: CloudFormation allows values of 4 KB, and a URL within a URL encodes one byte as five."""


def outputs_of(s3: S3, target: ExecutionTarget) -> list[StoredObject]:
    """Return the objects that the run wrote, by key; [] if it has written nothing or has no output location.

    A run's folder is named after the time at which it began. State Manager only reports the time of the
    result (`target.at`), so the run's folder is the latest one before that time.
    """
    if not target.output_bucket or target.at is None:
        return []
    first = target.output_key + _stamp(target.at - MAX_RUN)
    found = s3.list_objects(target.output_bucket, target.output_key, first, MAX_OBJECTS)
    latest = _stamp(target.at + CLOCK_SKEW)
    runs = [(_run_of(stored, target.output_key), stored) for stored in found]
    newest = max((run for run, _ in runs if run <= latest), default="")
    return [stored for run, stored in runs if run == newest]


def read_end(s3: S3, bucket: str, key: str, limit: int) -> str:
    """Return the last `limit` bytes of an output, or a little less. Raise AwsNotFound if it is gone.

    NUL characters are removed: databases cannot store them. The first character may be incomplete.
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
