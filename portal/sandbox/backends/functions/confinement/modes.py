"""How far a process can be confined on this machine, found out by trial."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from portal.sandbox.backends.functions.confinement.workspace import Mode, Workspace

TRIAL = 30.0  # seconds; a crowded machine may need them
# What a confined process is to be kept from: a file that the sandbox's user alone may read, the memory of a
# process that holds keys, and that process itself.
LOOK = """
import os, sys
attempts = {
    "files": lambda: open(sys.argv[1]).close(),
    "memory": lambda: open(f"/proc/{sys.argv[2]}/environ").close(),
    "processes": lambda: os.kill(int(sys.argv[2]), 0),
}
for name, attempt in attempts.items():
    try:
        attempt()
    except OSError:
        continue
    print(name)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """The mode that this machine allows, and what a process reaches in it of the sandbox's user."""

    mode: Mode
    reached: frozenset[str]  # of "files", "memory" and "processes"


@cache
def confinement() -> Confinement:
    """Try what this machine allows, the strictest first, and return the first that works."""
    *others, last = candidates()
    for mode in others:
        if (reached := trial(mode)) is not None:
            return Confinement(mode=mode, reached=reached)
    reached = trial(last)
    everything = frozenset({"files", "memory", "processes"})
    return Confinement(mode=last, reached=everything if reached is None else reached)


def candidates() -> list[Mode]:
    """Return the ways that this user may try, the strictest first; the last one works everywhere."""
    is_root = os.geteuid() == 0
    modes = [Mode(namespaces=True, own_user=is_root)] if sys.platform == "linux" else []
    if is_root:
        modes.append(Mode(namespaces=False, own_user=True))
    return [*modes, Mode(namespaces=False, own_user=False)]


def trial(mode: Mode) -> frozenset[str] | None:
    """Return what a process reaches that is confined this way; None when it can't be."""
    try:
        workspace = Workspace(mode)
    except OSError:
        return None
    try:
        secret = workspace.folder / "secret"
        secret.touch(mode=0o600)
        look = [sys.executable, "-I", "-S", "-c", LOOK, str(secret), str(os.getpid())]
        process = workspace.start(look, environment={}, folder=workspace.temporary)
        try:
            output, _errors = process.communicate(timeout=TRIAL)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None
    except OSError:
        return None
    finally:
        workspace.remove()
    if process.returncode != 0:
        return None
    # In namespaces of their own processes have other numbers: the one that it found is not the sandbox.
    return frozenset(output.split()) - ({"memory", "processes"} if mode.namespaces else set())
