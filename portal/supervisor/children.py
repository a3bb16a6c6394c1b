"""Keeps one program running: starts it, logs what it prints, starts it again, ends it when told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.supervisor import guard
from portal.supervisor.logs import BoundedLog

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a program that ended is started again
GUARD_PAUSE = 0.05  # seconds without a guard after it was killed
SETTLED = 5.0  # seconds after which a program that died counts as running again
NOT_STARTED = 127  # the exit code that a shell gives a command that it cannot start
STEADY = 30.0  # seconds after which a program counts as running well, and its pause as used up


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run: its name (also of its log), its command, and what its environment has besides ours."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Callable[[Mapping[str, str]], Mapping[str, str]] = dict  # what it gets of our environment
    descriptors: Sequence[int] = ()  # open files that it inherits under the same numbers
    url: str = ""
    answers: Callable[[], bool] | None = None  # whether it can be used, as far as anybody can see; may block


class Guard:
    """The process that ends our children if we cannot. See guard.py."""

    def __init__(self, lock_descriptor: int) -> None:
        self.mark = uuid.uuid4().hex
        self.groups: set[int] = set()
        self._lock_descriptor = lock_descriptor
        self._pipe: int | None = None

    async def keep(self) -> None:
        """Run until cancelled, started again if it ends."""
        while True:
            reading, self._pipe = os.pipe()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", guard.__file__, self.mark),
                env={},  # it needs none of the portal's keys
                stdin=reading,
                start_new_session=True,
                pass_fds=[self._lock_descriptor],
            )
            os.close(reading)
            for group in self.groups:
                self._tell(f"+{group}")
            try:
                await process.wait()
            finally:  # when cancelled, nothing is registered any more: at the end of its input it just ends
                os.close(self._pipe)
                self._pipe = None
                await process.wait()
            await asyncio.sleep(GUARD_PAUSE)

    def watch(self, group: int) -> None:
        self.groups.add(group)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        self.groups.discard(group)
        self._tell(f"-{group}")

    def _tell(self, line: str) -> None:
        if self._pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it has just died; the next one is told everything
                os.write(self._pipe, f"{line}\n".encode())


class Child:
    """One program of the run and the process that it is at the moment."""

    def __init__(self, program: Program, *, logs: Path, guard: Guard, say: Callable[[str], None]) -> None:
        self.program, self.log = program, BoundedLog(logs / f"{program.name}.log")
        self.deaths = 0
        self._guard, self._say = guard, say
        self._process: asyncio.subprocess.Process | None = None
        self._began = 0.0

    @property
    def is_running(self) -> bool:
        """Whether there is a process of the program at this moment."""
        return self._process is not None and self._process.returncode is None

    async def is_ready(self) -> bool:
        """Return whether the program runs and answers: the same process before and after the question.

        One that has died before must have run for a while since: it may be about to die again.
        """
        process = self._process
        if self.program.answers and self.is_running and not await asyncio.to_thread(self.program.answers):
            return False
        settled = not self.deaths or time.monotonic() - self._began > SETTLED
        return settled and self.is_running and self._process is process

    async def keep(self) -> None:
        """Run the program until cancelled, with growing pauses between its attempts."""
        pause = FIRST_PAUSE
        while True:
            self._began = time.monotonic()
            code = await self.run()
            self.deaths += 1
            pause = FIRST_PAUSE if time.monotonic() - self._began > STEADY else pause
            self._say(f"{self.program.name} {ending(code)}; it starts again in {pause:g} s ({self.log.path})")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def run(self) -> int:
        """Run the program once and return its exit code; when cancelled, end it and all that it started."""
        mark = f"{self._guard.mark}.{self.program.name}"
        try:
            process = await self._start(mark)
        except OSError as error:  # its file has gone, or there is no memory for it
            self.log.write(f"{error}\n".encode())
            return NOT_STARTED
        self._process = process
        self._guard.watch(process.pid)
        copying = asyncio.create_task(self._copy(process.stdout))
        try:
            return await process.wait()
        finally:
            await asyncio.to_thread(guard.end_groups, {process.pid})
            await asyncio.to_thread(guard.kill_marked, mark)
            await process.wait()
            self._guard.forget(process.pid)
            await asyncio.wait({copying}, timeout=1)  # its last words
            copying.cancel()

    async def _start(self, mark: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            env={
                **self.program.inherits(os.environ),
                **self.program.environment,
                guard.MARK: mark,
                "PYTHONUNBUFFERED": "1",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=self.program.descriptors,
            start_new_session=True,  # a group of its own, which Ctrl-C in the terminal does not reach
        )

    async def _copy(self, output: asyncio.StreamReader | None) -> None:
        while output and (data := await output.read(65536)):
            self.log.write(data)


@contextlib.asynccontextmanager
async def kept(*keepers: Child | Guard) -> AsyncIterator[None]:
    """Keep all of them running inside the block, and end them together at its end."""
    tasks = [asyncio.create_task(keeper.keep()) for keeper in keepers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ending(code: int) -> str:
    """Say in words how a process ended."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
