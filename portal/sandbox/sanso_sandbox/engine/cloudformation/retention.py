"""The period for which CloudFormation returns old data, and the delay of new data: 90 days, and two seconds.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html and
API_ListStacks.html (90 days); https://github.com/aws/aws-cdk-cli/issues/1803 (reads right after a creation).
"""

import datetime
from typing import Any, Final

from sanso_sandbox.engine import readings
from sanso_sandbox.engine.cloudformation.store import Stack
from sanso_sandbox.engine.time_scale import Moment

KEPT: Final = datetime.timedelta(days=90)
UNSEEN: Final = 2.0  # AWS's seconds for which reads may not find a new stack


def is_kept(stack: Stack, now: datetime.datetime | None = None) -> bool:
    """Return whether a stack is still returned: deleted ones are for 90 days."""
    return stack["StackStatus"] != "DELETE_COMPLETE" or not _is_old(str(stack["DeletionTime"]), now)


def kept_events(events: list[dict[str, Any]], now: datetime.datetime | None = None) -> list[dict[str, Any]]:
    """Return the events of the last 90 days, oldest first."""
    first = next((n for n, event in enumerate(events) if not _is_old(event["Timestamp"], now)), len(events))
    return events[first:]


def is_seen(stack: Stack) -> bool:
    """Return whether reads find a stack already, by the strict reading of AWS's behavior."""
    if not readings.strict("new_stacks_are_not_found"):
        return True
    stored_at: Moment | None = stack.get("_stored_at")
    return stored_at is None or stored_at.is_past(UNSEEN)


def _is_old(timestamp: str, now: datetime.datetime | None) -> bool:
    then = datetime.datetime.fromisoformat(timestamp)
    return (now or datetime.datetime.now(datetime.UTC)) - then > KEPT
