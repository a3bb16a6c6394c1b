"""A folder for a confined process, and the process itself, started in a mode that the machine supports."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sanso_sandbox.backends.functions.confinement import readable_paths

LAUNCHER = Path(__file__).with_name("launcher.py")
# Ids that are unused in systemd's list, and below 65536, the limit of ids in containers.
# https://github.com/systemd/systemd/blob/main/docs/UIDS-GIDS.md
USERS = range(60706, 61184)
SPARE = 1024  # MB that Python, its threads and libraries reserve without using all of them
# Paths of the folder's content in a process with a separate root folder, as on Lambda.
PLACES = {"task": "/var/task", "opt": "/opt", "tmp": "/tmp"}  # noqa: S108


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A mode of confinement: with or without namespaces, with or without a separate user."""

    namespaces: bool
    own_user: bool


class Workspace:
    """A folder with `task` and `opt`, which the process may only read after its start, and its own `tmp`."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.user = random.choice(USERS) if mode.own_user else None  # noqa: S311  (two seldom share one)
        self.folder = Path(tempfile.mkdtemp(prefix="function-", dir=_parent(mode)))
        self.task, self.opt, self.temporary = (self.folder / name for name in PLACES)
        for folder in (self.task, self.opt, self.temporary, self.folder / "root"):
            folder.mkdir()
        if self.user is not None:
            os.chown(self.folder, -1, self.user)
            os.chown(self.temporary, self.user, self.user)
        self.folder.chmod(0o710)

    def seen(self, folder: Path) -> str:
        """Return the path of `task`, `opt` or `tmp` in the process."""
        return PLACES[folder.name] if self.mode.namespaces else str(folder)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        readable: Iterable[str] = (),
        memory: int = 128,
        file: int = 512,
    ) -> subprocess.Popen[str]:
        """Start the process with pipes for input and output, and with no other open file of this process.

        Args:
            command: begins with an absolute path.
            environment: its complete environment.
            folder: its initial folder: `task`, `opt` or `tmp`.
            readable: paths that it may read besides the system's own programs.
            memory, file: limits of memory and of the size of a file, in MB.
        """
        limits = {"core": 0, "files": 1024, "file": file << 20, "data": (memory + SPARE) << 20}
        if self.user is not None:
            limits["processes"] = 1024  # this limit counts by user
        for given in (self.task, self.opt):
            _open(given)
        own = [(str(given), self.seen(given)) for given in (self.task, self.opt)]
        return _launch(
            {
                "command": list(command),
                "environment": dict(environment),
                "folder": self.seen(folder),
                "readable": [*((path, path) for path in readable_paths.readable(readable)), *own],
                "writable": [(str(self.temporary), self.seen(self.temporary))],
                "root": str(self.folder / "root") if self.mode.namespaces else "",
                "user": self.user,
                "limits": limits,
                "sandbox": os.getpid(),
            }
        )

    def remove(self) -> None:
        """Remove the folder and its content."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _launch(specification: dict[str, Any]) -> subprocess.Popen[str]:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as out, contextlib.suppress(BrokenPipeError):
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), str(reading)],
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                bufsize=1,
                pass_fds=[reading],
                start_new_session=True,  # so that it is killed with its children
            )
        finally:
            os.close(reading)
        json.dump(specification, out)
    return process


def _open(folder: Path) -> None:
    """Let every user who may enter the folder above read and execute the files in a folder."""
    for place, _folders, files in os.walk(folder):
        Path(place).chmod(0o755)
        for name in files:
            file = Path(place, name)
            file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)


def _parent(mode: Mode) -> Path | None:
    """Return the parent folder of workspaces: the sandbox's own, unless another user has to enter it."""
    if not mode.own_user or mode.namespaces:
        return None
    folder = outside()
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.lstat().st_uid != os.geteuid() or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to another user")
    folder.chmod(0o711)
    return folder


def outside() -> Path:
    """Return the parent folder of workspaces for other users, who may not enter the sandbox's own."""
    name = hashlib.sha256(tempfile.gettempdir().encode()).hexdigest()[:16]
    return Path("/var/tmp", f"sanso-functions-{name}")  # noqa: S108
