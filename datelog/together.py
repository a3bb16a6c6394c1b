"""Calls of many threads made as few: who comes while one runs waits for its end, and goes with the next.

Nobody is served by a call that began before he came: an answer is as fresh, and a write as safe, as with a
call of one's own. The database's work is done once for several requests, the more the busier it is.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST: Final = 100  # items in one call
_PATIENCE: Final = 0.25  # seconds; a call that hangs must not hold up the next one


class _Party(Generic[Item, Result]):
    """Those who go together. The lock is held until the call is over."""

    __slots__ = ("error", "items", "over", "result")

    def __init__(self, item: Item) -> None:
        self.items = [item]
        self.over = threading.Lock()
        self.over.acquire()
        self.error: BaseException | None = None
        self.result: Result

    def outcome(self) -> Result:
        """Return what the call returned, once it did. Raises what it raised."""
        with self.over:
            pass
        if self.error is not None:
            raise type(self.error)(*self.error.args) from self.error
        return self.result


class Together(Generic[Item, Result]):
    """A function of many items that is called with one: with those of other threads, of the same key."""

    def __init__(self, call: Callable[[list[Item]], Result]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._running: dict[Hashable, _Party[Item, Result]] = {}
        self._waiting: dict[Hashable, _Party[Item, Result]] = {}

    def __call__(self, item: Item, key: Hashable = None) -> Result:
        """Return the result of a call that began after this one, for this item and others."""
        before: _Party[Item, Result] | None = None
        with self._lock:
            party = self._waiting.get(key)
            joined = party is not None and len(party.items) < MOST
            if party is not None and joined:
                party.items.append(item)
            else:
                party, before = _Party(item), self._running.get(key)
                (self._waiting if before else self._running)[key] = party
        if joined:
            return party.outcome()
        if before is not None:
            self._wait(before, party, key)
        return self._run(party, key)

    def _wait(self, before: _Party[Item, Result], party: _Party[Item, Result], key: Hashable) -> None:
        """Wait until the call before is over, or hangs; then nobody can join any more."""
        if before.over.acquire(timeout=_PATIENCE):
            before.over.release()
        with self._lock:
            if self._waiting.get(key) is party:
                del self._waiting[key]
            self._running[key] = party

    def _run(self, party: _Party[Item, Result], key: Hashable) -> Result:
        try:
            party.result = self._call(party.items)
        except BaseException as error:
            party.error = error
            raise
        finally:
            with self._lock:
                if self._running.get(key) is party:
                    del self._running[key]
            party.over.release()
        return party.result
