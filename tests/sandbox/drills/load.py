"""Visitors that send requests continuously, and the responses that they got."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: its start, duration, visitor and status; 0 without a response."""

    began: float
    took: float
    visitor: int
    status: int
    text: str


@dataclass
class Load:
    """Visitors of one path, for the duration of the `with` block."""

    site: str
    path: str
    visitors: int = 4
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for number in range(self.visitors):
            self._threads.append(threading.Thread(target=self._visit, args=(number,)))
            self._threads[-1].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, number: int) -> None:
        place = urlsplit(self.site)
        while not self._stop.is_set():
            began = time.monotonic()
            connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=20)
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                text = response.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(Answer(began, time.monotonic() - began, number, 0, repr(error)))
            else:
                self.answers.append(Answer(began, time.monotonic() - began, number, response.status, text))
            finally:
                connection.close()

    def good(self) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.status == 200]

    def bad(self) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.status != 200]

    def story(self) -> str:
        """Return a line for every failed request, in the order of their starts."""
        return "\n".join(
            f"visitor {one.visitor} asked at {one.began:.2f} and was answered {one.status} "
            f"after {one.took:.2f} s: {' '.join(one.text.split())[:80]}"
            for one in sorted(self.bad(), key=lambda one: one.began)
        )

    def more(self, number: int = 30) -> Callable[[], bool]:
        """Return a condition that is true after this many further successful responses."""
        now = time.monotonic()
        return lambda: sum(answer.began > now for answer in self.good()) >= number
