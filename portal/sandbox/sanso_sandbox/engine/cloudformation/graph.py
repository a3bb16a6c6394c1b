"""The order of a stack's resources: dependencies, and steps that run as early as possible."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from ministack.services.cloudformation import engine


def dependencies(definitions: Mapping[str, Any], among: Iterable[str]) -> dict[str, set[str]]:
    """Map each logical id to the others that it refers to or names in DependsOn."""
    names = set(among)
    return {name: engine._extract_deps(definitions.get(name) or {}, names) - {name} for name in among}


def dependents(definitions: Mapping[str, Any], among: Iterable[str]) -> dict[str, set[str]]:
    """Map each logical id to the others that depend on it, for the order of deletes."""
    reverse: dict[str, set[str]] = {name: set() for name in among}
    for name, needed in dependencies(definitions, reverse).items():
        for other in needed:
            reverse[other].add(name)
    return reverse


async def walk(
    waits_for: Mapping[str, set[str]], step: Callable[[str], Awaitable[bool]], stop: asyncio.Event
) -> None:
    """Run step(name) for every name, each once all steps that it waits for have returned True.

    Steps that wait for one that returned False are not run. Once `stop` is set, no further step is started.
    Return when all started steps have ended.
    """
    waiting = dict(waits_for)
    done: set[str] = set()
    running: dict[asyncio.Task[bool], str] = {}
    try:
        while True:
            if not stop.is_set():
                for name in [name for name, needed in waiting.items() if needed <= done]:
                    del waiting[name]
                    running[asyncio.create_task(_as_coroutine(step(name)))] = name
            if not running:
                return
            finished, _pending = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                name = running.pop(task)
                if task.result():
                    done.add(name)
    finally:
        for task in running:
            task.cancel()


async def _as_coroutine(awaitable: Awaitable[bool]) -> bool:
    return await awaitable
