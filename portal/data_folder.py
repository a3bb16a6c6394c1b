"""Restrict the data folder to its owner: database, key, logs and the sandbox's files.

Processes that write there set their umask first (portal/process.py); files of an earlier version of Sanso or
another program are restricted at the start of `make run`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
# The files that Sanso writes to the folder. Others in it are not changed.
OWN = frozenset(
    {"audit-anchors.txt", "first-login.json", "logs", "redis", "run.lock", "sandbox", "secret-key"}
)
OWN_PREFIXES = ("sanso.sqlite3", "secret-key.")


def restrict(folder: Path) -> str:
    """Restrict Sanso's files in the folder to their owner; return a message if some could not be restricted.

    Symbolic links are not followed; files with several hard links and other file systems are not changed.
    """
    names = {entry.name for entry in folder.iterdir()}
    own = {name for name in names if name in OWN or name.startswith(OWN_PREFIXES)}
    failed: list[str] = []
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        device = os.fstat(descriptor).st_dev
        if names == own:
            failed += _restrict(descriptor, str(folder))
        for name in sorted(own):
            failed += _restrict_entry(name, descriptor, device, f"{folder}/{name}")
    finally:
        os.close(descriptor)
    if failed:
        return f"Other users may read {failed[0]}: its permissions could not be changed."
    if names != own:
        return (
            f"The data folder {folder} has other files in it as well ({min(names - own)}), so its own "
            "permissions were left as they are."
        )
    return ""


def _restrict_entry(name: str, parent: int, device: int, path: str) -> Iterator[str]:
    """Restrict a file, or a folder and its content; yield the paths that could not be changed."""
    mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
    except OSError:
        if mode & OTHERS:
            yield path
        return
    try:
        opened = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(opened.st_mode)
        if opened.st_dev != device or (opened.st_nlink > 1 and not is_folder):
            return
        yield from _restrict(descriptor, path)
        for below in os.listdir(descriptor) if is_folder else ():  # noqa: PTH208  (Path takes no descriptor)
            yield from _restrict_entry(below, descriptor, device, f"{path}/{below}")
    finally:
        os.close(descriptor)


def _restrict(descriptor: int, path: str) -> Iterator[str]:
    """Remove all permissions of an open file except its owner's; yield its path if this fails."""
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if mode & OTHERS:
        try:
            os.fchmod(descriptor, mode & stat.S_IRWXU)
        except OSError:
            yield path
