"""Results that many viewers ask for at the same moment, made once; the last few are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class CoalescedResults(Generic[K, V]):
    """A small cache of results by key, oldest use first to go. Belongs to one event loop."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._made: OrderedDict[K, asyncio.Task[V]] = OrderedDict()

    async def get(self, key: K, make: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return the result for the key; `make()` runs when nobody asked before, or when it failed.

        A viewer who leaves while it is made does not take it away from the others.
        """
        task = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.get_running_loop().create_task(make())
            task.add_done_callback(partial(self._drop_failed, key))
            while len(self._made) > self._size:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return await asyncio.shield(task)

    def _drop_failed(self, key: K, task: asyncio.Task[V]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if failed and self._made.get(key) is task:
            del self._made[key]
