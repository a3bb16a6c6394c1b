"""`manage.py dispatch`: the process that publishes due rows as Celery messages."""

from __future__ import annotations

import signal
import threading

from django.core.management.base import BaseCommand

from deployments import dispatcher
from deployments.common import heartbeats, kept_connections


class Command(BaseCommand):
    """Run the dispatcher until SIGTERM or SIGINT."""

    requires_system_checks = ()  # they would import every page and operation
    help = "Publish due rows as Celery messages. Run one or more of these processes, and workers."

    def handle(self, *args: object, **options: object) -> None:
        """Run until a signal to stop."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        heartbeats.start("dispatcher")
        kept_connections.keep_connections()
        dispatcher.run(stop)
