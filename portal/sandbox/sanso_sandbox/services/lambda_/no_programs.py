"""Prevents the engine from starting programs, because foreign code would run as the sandbox's user.

MiniStack runs functions of other runtimes, Glue jobs, AppSync's and CloudFront's scripts as processes of its
own user with its environment. The sandbox confines Python functions (workers.py) and rejects all others.
"""

import sys
from types import FrameType
from typing import Any

ENGINE = "ministack"
STARTING = frozenset({"os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"})
BETWEEN = ("asyncio", "concurrent", "os", "subprocess")  # modules through which programs are started
REFUSED = "The sandbox runs functions in Python and no other program that is brought to it"


class ProgramRefused(RuntimeError):
    """The engine tried to start a program."""


def install() -> None:
    """Reject all programs that MiniStack's own code starts from now on, permanently.

    https://docs.python.org/3/library/audit_events.html
    """
    sys.addaudithook(_audit)


def _audit(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in STARTING and _caller(sys._getframe(1)).partition(".")[0] == ENGINE:
        raise ProgramRefused(REFUSED)


def _caller(frame: FrameType | None) -> str:
    """Return the name of the module that starts the program."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] not in BETWEEN:
            return name
        frame = frame.f_back
    return ""
