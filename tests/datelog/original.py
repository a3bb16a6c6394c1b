"""What the original article's app answers for given rows, by the semantics of its code."""

import json
from datetime import datetime

FORMAT = "%Y-%m-%d %H:%M:%S"


def list_body(times: list[datetime]) -> bytes:
    """Return the body of its /read."""
    return json.dumps([time.strftime(FORMAT) for time in times], indent=2).encode()
