"""`manage.py dispatch`: the process that turns due rows into Celery messages."""

from __future__ import annotations

import signal
import threading

from django.core.management.base import BaseCommand

from deployments import dispatcher


class Command(BaseCommand):
    """Run the dispatcher until SIGTERM or SIGINT."""

    help = "Turn due rows into Celery messages. Run one or more of these beside the workers."

    def handle(self, *args: object, **options: object) -> None:
        """Run until told to stop."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        dispatcher.run(stop)
