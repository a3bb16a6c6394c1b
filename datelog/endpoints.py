"""Which of two databases an endpoint leads to: the one that admits the application.

An environment may have a second database. One of the two admits the application's user at a time, and the
other refuses its statements (Sanso's docs/adr/0022). A statement that was refused has changed nothing.
"""

import logging
import threading
from functools import cache

from datelog.configuration import Endpoint, current_configuration
from datelog.routers import READER, WRITER

log = logging.getLogger(__name__)


class EndpointChoice:
    """The endpoint of the database in use, and that of the other one. All threads of the process share it."""

    def __init__(self, current: Endpoint, other: Endpoint) -> None:
        self.current = current
        self._other = other
        self._lock = threading.Lock()

    def leave(self, refused: Endpoint | None) -> bool:
        """Use the other endpoint after this one refused. Return whether there is another to try."""
        with self._lock:
            if self.current != refused:
                return True  # another thread has left it already
            if self._other == refused:
                return False
            self.current, self._other = self._other, self.current
            log.warning("%s refuses the application: using %s.", self._other.host, self.current.host)
            return True


@cache
def endpoint_choices() -> dict[str, EndpointChoice]:
    """Return the choices of this process by the names of Django's connections."""
    settings = current_configuration()
    return {
        WRITER: EndpointChoice(settings.writer, settings.other_writer),
        READER: EndpointChoice(settings.reader, settings.other_reader),
    }
