"""Where servers are installed."""

import os
import shutil

FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"))


def program(name: str) -> str | None:
    """Find a program on PATH or where packages put servers; None when it is not installed."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), FOLDERS)))
