"""Computes response bodies of the original application with its code."""

import json
from datetime import datetime

FORMAT = "%Y-%m-%d %H:%M:%S"


def list_body(times: list[datetime]) -> bytes:
    """Return the body of /read for these rows."""
    return json.dumps([time.strftime(FORMAT) for time in times], indent=2).encode()
