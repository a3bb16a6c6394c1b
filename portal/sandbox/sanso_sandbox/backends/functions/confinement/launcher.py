"""Confines itself, then executes the program to confine; ends it when the sandbox is gone.

Started as `python -I -S launcher.py DESCRIPTOR` without the program's environment: a variable such as
LD_PRELOAD must not take effect before the confinement does. The specification is read from the descriptor
(workspace.py).

The process that the sandbox starts only waits. With namespaces, its child is process 1 in them, with which
the kernel ends all others there, and the program is a child of that. Only the standard library is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from sanso_sandbox.backends.functions.confinement import kernel
elif sys.platform == "linux":
    # loaded by path, because the project is not on the path of this program
    _found = importlib.util.spec_from_file_location("kernel", Path(__file__).with_name("kernel.py"))
    kernel = importlib.util.module_from_spec(_found)
    _found.loader.exec_module(kernel)

DEVICES = ("null", "zero", "full", "random", "urandom")
LINKS = {"fd": "fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}  # in /dev, to entries in /proc/self
LIMITS = {
    "core": resource.RLIMIT_CORE,
    "data": resource.RLIMIT_DATA,
    "file": resource.RLIMIT_FSIZE,
    "files": resource.RLIMIT_NOFILE,
    "processes": resource.RLIMIT_NPROC,
}
NOT_CONFINED = 125  # the exit code if the confinement failed

Specification = dict[str, Any]


def main() -> int:
    """Start the program and wait for it; return its exit code, 128 and more if a signal ended it."""
    with os.fdopen(int(sys.argv[1])) as given:
        specification: Specification = json.load(given)
    os.umask(0o022)
    if specification["root"]:
        _enter_namespaces()
        _build_root(specification)
    child = os.fork()
    if child == 0:
        _become(_first_process if specification["root"] else _program, specification)
    _let_go_of_input_and_output()
    _end_with(specification["sandbox"])
    return _code(os.waitpid(child, 0)[1])


def _enter_namespaces() -> None:
    own = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
    if os.geteuid() == 0:
        kernel.unshare(own)
    else:
        kernel.unshare(own | kernel.CLONE_NEWUSER)
        kernel.map_own_user()


def _let_go_of_input_and_output() -> None:
    """Close standard input and output, so that their other ends notice the end of the program's."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)


def _end_with(sandbox: int) -> None:
    """Check every second whether the sandbox is running, and kill the process group once it is not.

    A timer is used because a process that has left its process namespace cannot have threads, and the
    kernel's own signal for this is sent when the thread ends that started the process.
    """

    def look(_number: int, _frame: FrameType | None) -> None:
        if os.getppid() != sandbox:
            os.killpg(0, signal.SIGKILL)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)


def _become(part: Callable[[Specification], int], specification: Specification) -> NoReturn:
    """Run one of the processes below in this one, and never return to the parent's code."""
    try:
        os._exit(part(specification))
    except BaseException as error:  # noqa: BLE001  (whatever it is, it ends here)
        os.write(2, f"The process could not be confined: {error!r}\n".encode())
        os._exit(NOT_CONFINED)


def _code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _first_process(specification: Specification) -> int:
    """Run as process 1 of the namespaces: enter the root folder, start the program, reap ended processes."""
    kernel.end_with_parent(signal.SIGKILL)
    root = specification["root"]
    with contextlib.suppress(OSError):  # rejected if parts of the host's are hidden, as in containers
        kernel.mount("proc", f"{root}/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.change_root(root)
    kernel.restrict_mount("/", kernel.MS_RDONLY, below=False)
    program = os.fork()
    if program == 0:
        _become(_program, specification)
    _let_go_of_input_and_output()
    while True:
        ended, status = os.wait()
        if ended == program:
            return _code(status)


def _program(specification: Specification) -> NoReturn:
    """Drop every right that the program must not have, and execute it."""
    parent = os.getppid()
    for name, limit in specification["limits"].items():
        resource.setrlimit(LIMITS[name], (limit, limit))
    user = specification["user"]
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if sys.platform == "linux":
        _give_up_rights(specification, parent)
    os.chdir(specification["folder"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    command = specification["command"]
    os.execve(command[0], command, specification["environment"])  # noqa: S606  (a path and no shell)


def _give_up_rights(specification: Specification, parent: int) -> None:
    kernel.drop_capabilities()
    kernel.forbid_new_privileges()
    readable, writable = (
        [place for _source, place in specification[kind]] for kind in ("readable", "writable")
    )
    # A separate root folder contains nothing else, so Landlock only adds its restrictions beyond files.
    reading = ["/"] if specification["root"] else [*readable, "/proc"]
    kernel.restrict_files(reading, [*writable, *(f"/dev/{name}" for name in DEVICES)])
    kernel.end_with_parent(signal.SIGKILL)  # last, because the kernel resets it when the user changes
    if os.getppid() != parent:
        raise ProcessLookupError(parent)


def _build_root(specification: Specification) -> None:
    """Build a root folder of mounts: readable paths, writable paths, and little else."""
    root = specification["root"]
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=0755,size=16m")
    flags = {"writable": kernel.MS_NOSUID | kernel.MS_NODEV}
    flags["readable"] = flags["writable"] | kernel.MS_RDONLY
    places = [(place, source, kind) for kind in flags for source, place in specification[kind]]
    shown = [(root + place, kind) for place, source, kind in sorted(places) if _show(source, root + place)]
    for place, kind in shown:  # after all mounts, because they can be nested
        kernel.restrict_mount(place, flags[kind])
    Path(root, "proc").mkdir()
    for name in DEVICES:
        _show(f"/dev/{name}", f"{root}/dev/{name}")
    for name, target in LINKS.items():
        Path(root, "dev", name).symlink_to(f"/proc/self/{target}")


def _show(source: str, place: str) -> bool:
    """Mount a file or folder below the new root, or copy a link; return whether it was mounted."""
    found, target = Path(source), Path(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    if found.is_symlink():
        target.symlink_to(found.readlink())  # such as /bin; its target is mounted too
        return False
    if found.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    kernel.mount(source, place, flags=kernel.MS_BIND | kernel.MS_REC)
    return True


if __name__ == "__main__":
    sys.exit(main())
