"""Request coalescing: concurrent calls of several threads become one call with all their items.

A thread that calls while a call of the same key runs waits for its end; its item is part of the next call.
No result comes from a call that started before the request, so a read is as fresh, and a write as safe, as
with a call of its own. The busier the server, the more requests share one query.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_BATCH: Final = 100  # items in one call
_MAX_WAIT: Final = 0.25  # seconds; a call that hangs must not block the next one for longer


class _Batch(Generic[Item, Result]):
    """The items of one call. `done` is locked until the call has ended."""

    __slots__ = ("done", "error", "items", "result")

    def __init__(self, item: Item) -> None:
        self.items = [item]
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None
        self.result: Result

    def wait(self) -> Result:
        """Wait for the end of the call and return its result. Raises what the call raised."""
        with self.done:
            pass
        if self.error is not None:
            raise type(self.error)(*self.error.args) from self.error
        return self.result


class Coalescer(Generic[Item, Result]):
    """Calls a function of many items with the items that several threads have for the same key."""

    def __init__(self, call: Callable[[list[Item]], Result]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._running: dict[Hashable, _Batch[Item, Result]] = {}
        self._waiting: dict[Hashable, _Batch[Item, Result]] = {}

    def __call__(self, item: Item, key: Hashable = None) -> Result:
        """Return the result of a call with the item that starts after this one, or raise its error."""
        previous: _Batch[Item, Result] | None = None
        with self._lock:
            batch = self._waiting.get(key)
            joined = batch is not None and len(batch.items) < MAX_BATCH
            if batch is not None and joined:
                batch.items.append(item)
            else:
                batch, previous = _Batch(item), self._running.get(key)
                (self._waiting if previous else self._running)[key] = batch
        if joined:
            return batch.wait()
        if previous is not None:
            self._wait_for(previous, batch, key)
        return self._run(batch, key)

    def _wait_for(self, previous: _Batch[Item, Result], batch: _Batch[Item, Result], key: Hashable) -> None:
        """Wait for the previous call, at most _MAX_WAIT; then close the batch to further items."""
        if previous.done.acquire(timeout=_MAX_WAIT):
            previous.done.release()
        with self._lock:
            if self._waiting.get(key) is batch:
                del self._waiting[key]
            self._running[key] = batch

    def _run(self, batch: _Batch[Item, Result], key: Hashable) -> Result:
        try:
            batch.result = self._call(batch.items)
        except BaseException as error:
            batch.error = error
            raise
        finally:
            with self._lock:
                if self._running.get(key) is batch:
                    del self._running[key]
            batch.done.release()
        return batch.result
