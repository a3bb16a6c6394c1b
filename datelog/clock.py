"""The time that is saved: the wall clock of the one zone that all servers are set to, in whole seconds."""

from datetime import datetime

from datelog.configuration import configured


def now_text() -> str:
    """Return the current time as the original writes it."""
    return datetime.now(configured().zone).strftime("%Y-%m-%d %H:%M:%S")
