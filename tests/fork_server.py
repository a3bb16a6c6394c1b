"""`python -m tests.fork_server KIND` imports what a process of the portal imports, and forks others from it.

Each message on standard input, a socket, is a command of Python with its folder and environment. Two open
files come with it: the log, and a connection that gets the process's number and later its exit code. The
process is as real as one that the command starts: a session, environment, log and exit code of its own, and
signals, also SIGKILL, reach it alone. Only /proc/PID/cmdline and environ are those of this program.

Nothing is shared that a process must have of its own: there are no threads and no connections before the
fork, and Python's and OpenSSL's random numbers differ after it. The settings are evaluated again in the
process. If one differs there that an import has read, or a variable that Python reads, it starts afresh.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from asgiref.local import Local
from django.conf import Settings, settings
from django.db import connections

PR_SET_PDEATHSIG = 1
LARGEST = 1 << 17  # bytes of a message: a command and its environment
READ_BY_PYTHON = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OPENSSL", "DJANGO_SETTINGS_MODULE")
"""Prefixes of variables that have had their effect when this program runs."""
MODULES = {
    "worker": (
        "celery.__main__",
        "celery.apps.worker",
        "celery.bin.celery",
        "celery.concurrency.thread",
        "celery.events.state",
        "kombu.transport.redis",
        "deployments.tasks",
        "deployments.management.commands.dispatch",
    ),
    "web": (
        "uvicorn.__main__",
        "uvicorn.lifespan.off",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "uvicorn.protocols.websockets.auto",
        "django.core.asgi",
        "deployments.live.broadcaster",
        "deployments.live.stopping",
        "portal.login.queue",
        "portal.preload",
        "portal.websockets",
    ),
}
"""What the processes of a kind import, besides the models."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a forked process runs: a command that begins with Python, in a folder and environment."""

    command: list[str]
    directory: str
    environment: dict[str, str]


def main() -> None:
    """Fork until the end of the messages. In a forked process, run its command and leave as Python does."""
    control = socket.socket(fileno=os.dup(0))
    given = dict(os.environ)
    load(sys.argv[1])
    before = evaluated_settings()
    set_by_imports = {name: value for name, value in os.environ.items() if name not in {*given, "TZ"}}
    gc.collect()
    gc.freeze()  # what the processes share is not written to by their collections
    if job := serve(control):
        run(job, given, set_by_imports, before)


def load(kind: str) -> None:
    """Import what the processes of a kind import; also what a web process prepares, and a worker reads."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    for name in MODULES[kind]:
        import_module(name)
    if kind == "web":
        import_module("portal.preload").preload()
    else:
        read_service_descriptions()


def read_service_descriptions() -> None:
    """Read botocore's descriptions of AWS's services, as a worker does for its first account (0.4 CPU s).

    The clients are thrown away: each process creates those of its accounts.
    """
    reference = import_module("deployments.aws.account_ref").AccountRef(
        region="ap-northeast-1", endpoint_url="http://127.0.0.1:1", sandbox_account="000000000000"
    )
    import_module("deployments.aws.session").connect_anew(reference)


def serve(control: socket.socket) -> Job | None:
    """Fork a process for each message and report its end.

    Returns None at the end of the messages, and in each forked process its job.
    """
    woken, waking = socket.socketpair()
    for end in (woken, waking):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waking.fileno())
    connections: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            report_ends(connections)
        if control in ready:
            message, opened_files, *_ = socket.recv_fds(control, LARGEST, 2)
            if not message:
                return None
            log, connection = opened_files
            server, answer = os.getpid(), socket.socket(fileno=connection)
            if (pid := fork()) == 0:
                for opened in (control, woken, waking, *connections.values()):
                    opened.close()
                separate(server, log)
                answer.send(b"%d\n" % os.getpid())
                answer.close()
                return Job(**json.loads(message))
            os.close(log)
            connections[pid] = answer


def fork() -> int:
    """Fork; refuse to with threads, whose locks would never be released in the process."""
    if (threads := len(list(Path("/proc/self/task").iterdir()))) != 1:
        raise RuntimeError(f"there are {threads} threads before the fork")
    return os.fork()


def report_ends(connections: dict[int, socket.socket]) -> None:
    """Send the exit codes of processes that have ended, as subprocess has them."""
    for pid in list(connections):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with connections.pop(pid) as connection:
                connection.send(b"%d\n" % os.waitstatus_to_exitcode(status))


def separate(server: int, log: int) -> None:
    """Give the process a session, standard files and signals of its own; it dies with the server."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os._exit(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)


def run(
    job: Job, given: Mapping[str, str], set_by_imports: Mapping[str, str], before: Mapping[str, Any]
) -> None:
    """Run a command of Python in this process, with the modules that it has; else replace the process."""
    os.chdir(job.directory)
    os.environ.clear()
    os.environ.update(job.environment)
    if read_by_python(job.environment) != read_by_python(given) or not use_settings(before):
        os.execve(job.command[0], job.command, job.environment)
    for name, value in set_by_imports.items():
        os.environ.setdefault(name, value)
    _python, *rest = job.command
    if rest[0] == "-m":
        sys.argv = rest[1:]
        sys.path[0] = job.directory
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = rest
        sys.path[0] = str(Path(rest[0]).parent)
        runpy.run_path(rest[0], run_name="__main__")


def read_by_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that cannot differ from this program's."""
    return {name: value for name, value in environment.items() if name.startswith(READ_BY_PYTHON)}


def evaluated_settings() -> dict[str, Any]:
    """Return the values of all settings in the current environment, which also sets the time zone.

    A started process reads them before its log is configured, so nothing that they log is in it.
    """
    sys.modules.pop("portal.settings", None)
    logging.disable()
    try:
        return vars(Settings("portal.settings"))
    finally:
        logging.disable(logging.NOTSET)


def use_settings(before: Mapping[str, Any]) -> bool:
    """Evaluate the settings in this environment; return False if one differs that has been read `before`.

    Django keeps each setting that is read in the attributes of `settings`.
    """
    read = {name: value for name, value in vars(settings).items() if name.isupper() and name != "DATABASES"}
    now = evaluated_settings()
    if any(now.get(name) != before.get(name) for name in read) or engines(now) != engines(before):
        return False
    vars(settings)["_wrapped"].__dict__ = now | read  # Django has added defaults to some that were read
    forget_databases()
    return True


def engines(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the engine of each database; what an import asks of a database depends on nothing else."""
    return {alias: database["ENGINE"] for alias, database in values["DATABASES"].items()}


def forget_databases() -> None:
    """Let the next use of a database read the settings. No connection has been opened."""
    vars(settings).pop("DATABASES", None)
    vars(connections).pop("settings", None)
    vars(connections).update(_settings=None, _connections=Local(connections.thread_critical))


if __name__ == "__main__":
    main()
