"""`manage.py run`, which `make run` calls: the whole portal on this machine, in the foreground."""

from __future__ import annotations

import asyncio
import io

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from portal.data_folder import restrict
from portal.supervisor.listening import NoFreePort
from portal.supervisor.lock import AlreadyRunning, RunLock
from portal.supervisor.plan import BadPort, make_plan
from portal.supervisor.run import RunFailed, Supervisor


class Command(BaseCommand):
    help = "Run web, worker, dispatcher, Redis and the sandbox until Ctrl-C."
    requires_system_checks = ()  # the programs run their own

    def handle(self, *args: object, **options: object) -> None:
        data = settings.DATA_DIR
        try:
            with RunLock(data) as lock:
                self.report("Sanso is starting…")
                if notice := restrict(data):
                    self.report(notice)
                plan = make_plan(data, settings.BASE_DIR / "manage.py")
                asyncio.run(Supervisor(plan, prepare, data=data, lock=lock, report=self.report).run())
        except (AlreadyRunning, BadPort, NoFreePort, RunFailed) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"The database {describe()} cannot be used: {error}") from error

    def report(self, text: str) -> None:
        """Print a line at once, also into a pipe or a log file."""
        self.stdout.write(text)
        self.stdout.flush()


def prepare() -> None:
    """Run `manage.py prepare` in this thread, and close its connections."""
    try:
        call_command("prepare", stdout=io.StringIO())
    finally:
        connections.close_all()


def describe() -> str:
    """Return the name of the database, without its password."""
    given = settings.DATABASES["default"]
    return f"{given['NAME']} on {given['HOST']}" if given["HOST"] else str(given["NAME"])
