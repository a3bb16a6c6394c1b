"""Run the plan: services first, then the preparation, then the portal; end them in the opposite order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from portal.first_login import stored_login
from portal.supervisor import guard, sandbox_lines
from portal.supervisor.children import ChildProgram, GuardProcess, Program, running
from portal.supervisor.lock import RunLock
from portal.supervisor.logs import tail
from portal.supervisor.plan import ProcessPlan

START_TIMEOUT = 90.0  # seconds until all programs must respond
MAX_DEATHS = 4  # of a program before its first response
TITLES = {"web": "The portal", "redis": "Redis", "sandbox": "The sandbox"}


class RunFailed(Exception):
    """Raised when the portal could not be started; the message has the end of the program's log."""


def _drop_output() -> None:
    """Discard further output: a remaining buffer would fail again at the exit.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


class Supervisor:
    """One run of a plan, from its start to the signal that ends it.

    `prepare` brings tables, first login and sandbox account up to date once the services run. It is a
    function and not a program because a second Django would take as long to start as the first page.
    """

    def __init__(
        self,
        plan: ProcessPlan,
        prepare: Callable[[], None],
        *,
        data: Path,
        lock: RunLock,
        report: Callable[[str], None],
    ) -> None:
        self.plan, self.prepare, self.lock = plan, prepare, lock
        self.data, self.logs = data, data / "logs"
        self._report = report
        self.guard = GuardProcess(lock.fileno())
        self.stopping = False

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP. Raise RunFailed if the portal cannot be started."""
        os.environ.update(self.plan.environment)
        everything = asyncio.create_task(self._run_everything())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stop, everything)
        try:
            await everything
        except asyncio.CancelledError:
            self.report("Stopped.")

    async def _run_everything(self) -> None:
        services = [self._child(program) for program in self.plan.services]
        portal = [self._child(program) for program in self.plan.portal]
        async with running(self.guard), running(*services):
            await asyncio.to_thread(self.prepare)
            async with running(*portal):
                await self._wait_until_ready([*services, *portal])
                self._welcome(await asyncio.to_thread(self._about_the_sandbox))
                await asyncio.Event().wait()  # until cancelled

    def report(self, text: str) -> None:
        """Print a line to the terminal, if it still exists: a closed terminal may be why the run ends."""
        try:
            self._report(text)
        except OSError:
            _drop_output()

    def _child(self, program: Program) -> ChildProgram:
        return ChildProgram(program, logs=self.logs, guard=self.guard, report=self.report)

    def _stop(self, everything: asyncio.Task[None]) -> None:
        """End the run; at the second signal, without waiting for the programs."""
        if self.stopping:
            guard.signal_groups(self.guard.groups, signal.SIGKILL)
            return
        self.stopping = True
        self.report("Stopping…")
        everything.cancel()

    async def _wait_until_ready(self, children: list[ChildProgram]) -> None:
        """Wait until every program responds. Raise RunFailed with the name of one that does not."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + START_TIMEOUT
        # All at the same time: one may die while waiting for another.
        while not all(ready := await asyncio.gather(*(child.is_ready() for child in children))):
            for child, is_ready in zip(children, ready, strict=True):
                if not is_ready and (child.deaths >= MAX_DEATHS or clock() > deadline):
                    raise RunFailed(failure(child))
            await asyncio.sleep(0.1)

    @staticmethod
    def _about_the_sandbox() -> list[str]:
        url = os.environ.get("SANSO_SANDBOX_URL", "")
        return sandbox_lines.lines(url, settings.SANSO_SANDBOX_TOKEN_FILE) if url else []

    def _welcome(self, about_the_sandbox: list[str]) -> None:
        self.lock.note(self.plan.url)
        for note in [*self.plan.notes, *about_the_sandbox]:
            self.report(note)
        self.report(f"Sanso is running at {self.plan.url}")
        if login := stored_login(self.data):
            self.report(
                f"Log in as {login.username} with the password {login.password} (until you change it)"
            )
        self.report(f"Logs are in {self.logs}. Ctrl-C stops everything.")


def failure(child: ChildProgram) -> str:
    """Return a message with the program that does not respond and the end of its log."""
    name = child.program.name
    return f"{TITLES.get(name, f'The {name}')} does not respond.\n{tail(child.log.path)}"
