"""Scaling activities: what a group did and why, with Auto Scaling's messages."""

import datetime
import uuid

from portal.sandbox.engine.registry import Record

KEPT = 200  # activities a group remembers; AWS keeps six weeks of them


def now() -> str:
    """Return the present time as Auto Scaling does."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(group: Record, description: str, cause: str) -> Record:
    """Record an activity that has begun and hand it out, to be ended with `end`."""
    activity: Record = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": group["AutoScalingGroupName"],
        "AutoScalingGroupARN": group["AutoScalingGroupARN"],
        "Description": description,
        "Cause": cause,
        "StartTime": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "EndTime": None,
        "StatusCode": "InProgress",
        "StatusMessage": None,
        "Progress": 50,
        "Details": "{}",
    }
    rows = group.setdefault("_activities", [])
    rows.insert(0, activity)
    del rows[KEPT:]
    return activity


def end(activity: Record, *, failure: str | None = None) -> None:
    """End an activity, as a success or with the reason it failed."""
    activity.update(
        StatusCode="Failed" if failure else "Successful",
        StatusMessage=failure,
        Progress=100,
        EndTime=now(),
    )
