"""How long a thing that takes AWS some seconds takes a thread here: deadlines, boots, check intervals."""

from portal.sandbox.engine import time_scale


def shortened(aws_seconds: float, *, at_least: float = 0.0) -> float:
    """Scale a duration of AWS's to the account's present pace.

    Args:
        at_least: seconds that must pass whatever the pace, for deadlines that real work has to meet.
    """
    return max(at_least, aws_seconds * time_scale.COMPRESSION * time_scale.current())
