"""Scaling activities of a group and their causes, with Auto Scaling's messages."""

import datetime
import uuid

from sanso_sandbox.engine.registry import Record

KEPT = 200  # maximum number of a group's activities; AWS keeps them for six weeks


def now() -> str:
    """Return the current time in Auto Scaling's format."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(group: Record, description: str, cause: str) -> Record:
    """Record the start of an activity and return it, to be ended with `end`."""
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
    """End an activity, successfully or with the reason for its failure."""
    activity.update(
        StatusCode="Failed" if failure else "Successful",
        StatusMessage=failure,
        Progress=100,
        EndTime=now(),
    )
