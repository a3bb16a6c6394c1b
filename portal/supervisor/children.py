"""Run one program: start it, log its output, restart it, end it."""

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

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a program that ended is restarted
GUARD_PAUSE = 0.05  # seconds without a guard after it was killed
SETTLED = 5.0  # seconds after which a program that died counts as running again
NOT_STARTED = 127  # a shell's exit code for a command that it cannot start
STEADY = 30.0  # seconds after which a program counts as stable, and its pause is reset


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program: its name (also of its log), its command, and its additional environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    inherits: Callable[[Mapping[str, str]], Mapping[str, str]] = dict  # its part of our environment
    descriptors: Sequence[int] = ()  # open files that it inherits under the same numbers
    url: str = ""
    answers: Callable[[], bool] | None = None  # whether it responds; may block


class GuardProcess:
    """The process that ends the children if the supervisor cannot. See guard.py."""

    def __init__(self, lock_descriptor: int) -> None:
        self.mark = uuid.uuid4().hex
        self.groups: set[int] = set()
        self._lock_descriptor = lock_descriptor
        self._pipe: int | None = None

    async def keep(self) -> None:
        """Run until canceled; restart the process if it ends."""
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
                self._send(f"+{group}")
            try:
                await process.wait()
            finally:  # when canceled, nothing is registered any more: it ends at the end of input
                os.close(self._pipe)
                self._pipe = None
                await process.wait()
            await asyncio.sleep(GUARD_PAUSE)

    def watch(self, group: int) -> None:
        self.groups.add(group)
        self._send(f"+{group}")

    def forget(self, group: int) -> None:
        self.groups.discard(group)
        self._send(f"-{group}")

    def _send(self, line: str) -> None:
        if self._pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it has just died; the next one gets all lines
                os.write(self._pipe, f"{line}\n".encode())


class ChildProgram:
    """One program of the run and its current process."""

    def __init__(
        self, program: Program, *, logs: Path, guard: GuardProcess, report: Callable[[str], None]
    ) -> None:
        self.program, self.log = program, BoundedLog(logs / f"{program.name}.log")
        self.deaths = 0
        self._guard, self._report = guard, report
        self._process: asyncio.subprocess.Process | None = None
        self._began = 0.0

    @property
    def is_running(self) -> bool:
        """Return whether the program has a running process."""
        return self._process is not None and self._process.returncode is None

    async def is_ready(self) -> bool:
        """Return whether the program runs and responds: with the same process before and after the check.

        If it has died before, it must have run for a while since then, because it may die again.
        """
        process = self._process
        if self.program.answers and self.is_running and not await asyncio.to_thread(self.program.answers):
            return False
        settled = not self.deaths or time.monotonic() - self._began > SETTLED
        return settled and self.is_running and self._process is process

    async def keep(self) -> None:
        """Run the program until canceled, with growing pauses between the attempts."""
        pause = FIRST_PAUSE
        while True:
            self._began = time.monotonic()
            code = await self.run()
            self.deaths += 1
            pause = FIRST_PAUSE if time.monotonic() - self._began > STEADY else pause
            self._report(
                f"{self.program.name} {ending(code)}; it starts again in {pause:g} s ({self.log.path})"
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def run(self) -> int:
        """Run the program once and return its exit code; when canceled, end it and all its processes."""
        mark = f"{self._guard.mark}.{self.program.name}"
        async with _output_pipe() as (writing, output):
            try:
                process = await self._start(mark, writing)
            except OSError as error:  # its file is gone, or there is not enough memory
                self.log.write(f"{error}\n".encode())
                return NOT_STARTED
            finally:
                os.close(writing)
            return await self._run_to_its_end(process, mark, output)

    async def _run_to_its_end(
        self, process: asyncio.subprocess.Process, mark: str, output: asyncio.StreamReader
    ) -> int:
        self._process = process
        self._guard.watch(process.pid)
        copying = asyncio.create_task(self._copy(output))
        try:
            return await process.wait()
        finally:
            await asyncio.to_thread(guard.end_groups, {process.pid})
            await asyncio.to_thread(guard.kill_marked, mark)
            await process.wait()
            self._guard.forget(process.pid)
            await asyncio.wait({copying}, timeout=1)  # the end of its output
            copying.cancel()

    async def _start(self, mark: str, output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.program.command,
            env={
                **self.program.inherits(os.environ),
                **self.program.environment,
                guard.MARK: mark,
                "PYTHONUNBUFFERED": "1",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=self.program.descriptors,
            start_new_session=True,  # a separate group that Ctrl-C in the terminal does not reach
        )

    async def _copy(self, output: asyncio.StreamReader) -> None:
        while data := await output.read(65536):
            self.log.write(data)


@contextlib.asynccontextmanager
async def _output_pipe() -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """Yield a pipe: the descriptor to write to, which the caller closes, and the reader.

    With asyncio's own pipe (PIPE), waiting for a process would also wait until its last child, which has the
    same output, has ended: https://github.com/python/cpython/issues/119710
    """
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    try:
        yield writing, reader
    finally:
        transport.close()


@contextlib.asynccontextmanager
async def running(*processes: ChildProgram | GuardProcess) -> AsyncIterator[None]:
    """Run all of them inside the block, and end them at its end."""
    tasks = [asyncio.create_task(process.keep()) for process in processes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def ending(code: int) -> str:
    """Return how a process ended, as a text."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
