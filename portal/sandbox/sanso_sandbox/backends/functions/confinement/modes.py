"""Tests how strictly this machine can confine a process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from sanso_sandbox.backends.functions.confinement.workspace import Mode, Workspace

TRIAL = 30.0  # seconds; long enough for a busy machine
# Targets that a confined process must not reach: a file that only the sandbox's user may read, the memory of
# a process with keys, and that process itself.
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
    """The mode that this machine supports, and the targets of the sandbox's user that it does not protect."""

    mode: Mode
    reached: frozenset[str]  # subset of "files", "memory" and "processes"


@cache
def confinement() -> Confinement:
    """Try the modes from the strictest one on, and return the first that works."""
    *others, last = candidates()
    for mode in others:
        if (reached := trial(mode)) is not None:
            return Confinement(mode=mode, reached=reached)
    reached = trial(last)
    everything = frozenset({"files", "memory", "processes"})
    return Confinement(mode=last, reached=everything if reached is None else reached)


def candidates() -> list[Mode]:
    """Return the modes that this user can try, the strictest first; the last one works everywhere."""
    is_root = os.geteuid() == 0
    modes = [Mode(namespaces=True, own_user=is_root)] if sys.platform == "linux" else []
    if is_root:
        modes.append(Mode(namespaces=False, own_user=True))
    return [*modes, Mode(namespaces=False, own_user=False)]


def trial(mode: Mode) -> frozenset[str] | None:
    """Return the targets that a process reaches in a mode; None if the mode does not work."""
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
    # Namespaces have their own process ids, so the process that it found is not the sandbox.
    return frozenset(output.split()) - ({"memory", "processes"} if mode.namespaces else set())
