"""The locations of installed servers."""

import os
import shutil

FOLDERS = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"))


def program(name: str) -> str | None:
    """Return the path of a program on PATH or in the folders for servers; None if it is not installed."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), FOLDERS)))
