"""Constant load on a site: a fixed number of requests a second, even while earlier ones are unanswered.

Half of the visitors keep their connection, the others open one for each request. Some requests save a time;
each acknowledged time must be in the list exactly once.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.services import wait_until

VISITORS = 24
SAVED = "Saved: "


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: when it was due, how long after that its response was complete, and its result."""

    due: float
    took: float
    saves: bool
    keeps: bool
    status: int  # 0 without a response
    text: str
    version: str


@dataclass
class SiteLoad:
    """The load, for the duration of the `with` block."""

    url: str
    rate: float  # requests a second
    writes: int = 4  # one of this many requests saves a time
    sent: list[Sent] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _before: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> SiteLoad:
        self._before = saved_times(self.url)
        began = time.monotonic()
        for number in range(VISITORS):
            self._threads.append(threading.Thread(target=self._visit, args=(number, began)))
            self._threads[-1].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int, began: float) -> None:
        """Send the requests of one visitor, each when it is due, or at once if it is overdue."""
        keeps = number % 2 == 0
        interval = VISITORS / self.rate
        due = began + interval * number / VISITORS
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=30)
        count = number
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            saves = count % self.writes == 0
            self.sent.append(send(connection, due, saves=saves, keeps=keeps))
            if not keeps:
                connection.close()
            due += interval
            count += 1
        connection.close()

    def more(self, number: int) -> Callable[[], bool]:
        """Return a condition that is true after this many further requests."""
        before = len(self.sent)
        return lambda: len(self.sent) >= before + number

    def failed(self) -> list[Sent]:
        """Return the requests without a response of 200."""
        return [one for one in self.sent if one.status != 200]

    def between(self, start: float, end: float) -> list[Sent]:
        """Return the requests that were due in this time."""
        return [one for one in list(self.sent) if start <= one.due < end]

    def lost_and_doubled(self) -> tuple[int, int]:
        """Compare the acknowledged writes with the list; return how many are missing, and how many too many.

        A write without an acknowledgment may be in the list or not.
        """
        acknowledged = Counter(one.text.removeprefix(SAVED) for one in self.sent if is_saved(one))
        unknown = sum(one.saves and not is_saved(one) for one in self.sent)
        expected = self._before + acknowledged

        def missing() -> int:
            return (expected - saved_times(self.url)).total()

        with contextlib.suppress(TimeoutError):  # the missing writes are returned as lost
            wait_until(lambda: missing() == 0, what="the reader")
        more = (saved_times(self.url) - expected).total()
        return missing(), max(0, more - unknown)


def send(connection: http.client.HTTPConnection, due: float, *, saves: bool, keeps: bool) -> Sent:
    """Send one request."""
    try:
        connection.request("POST" if saves else "GET", "/write" if saves else "/read?limit=20")
        response = connection.getresponse()
        text = response.read().decode()
        status, version = response.status, response.headers["X-Datelog-Version"] or ""
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        status, version, text = 0, "", repr(error)
    return Sent(due, time.monotonic() - due, saves, keeps, status, text, version)


def is_saved(one: Sent) -> bool:
    return one.saves and one.status == 200 and one.text.startswith(SAVED)


def saved_times(url: str) -> Counter[str]:
    """Count every time in the database, through the reader."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=60)
    try:
        connection.request("GET", "/read")
        return Counter(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


def percentile(sent: Sequence[Sent], part: float) -> float:
    """Return the percentile of the durations, in seconds."""
    ordered = sorted(one.took for one in sent)
    return ordered[min(len(ordered) - 1, round(part * (len(ordered) - 1)))]
