"""The current time as it is saved: in the time zone that all servers are set to, in whole seconds."""

from datetime import datetime

from datelog.configuration import current_configuration


def now_text() -> str:
    """Return the current time in the format of the original application."""
    return datetime.now(current_configuration().zone).strftime("%Y-%m-%d %H:%M:%S")
