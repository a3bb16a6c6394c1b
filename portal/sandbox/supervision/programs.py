"""Where a database's programs are, on PATH or where packages put servers."""

import os
import shutil

PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"))


def program(name: str) -> str | None:
    """Find a program; None when it is not installed."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), PLACES)))
