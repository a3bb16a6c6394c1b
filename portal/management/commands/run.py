"""`manage.py run`, which `make run` calls: the whole portal on this machine, in the foreground."""

from __future__ import annotations

import asyncio

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.supervisor.lock import AlreadyRunning, RunLock
from portal.supervisor.plan import NoFreePort, make_plan
from portal.supervisor.run import RunFailed, Supervisor


class Command(BaseCommand):
    help = "Run web, worker, dispatcher, Redis and the sandbox together until Ctrl-C."
    requires_system_checks = ()  # the programs make their own

    def handle(self, *args: object, **options: object) -> None:
        data = settings.DATA_DIR
        try:
            with RunLock(data) as lock:
                self.stdout.write("Sanso is starting…")
                plan = make_plan(data, settings.BASE_DIR / "manage.py")
                asyncio.run(Supervisor(plan, data=data, lock=lock, say=self.stdout.write).run())
        except (AlreadyRunning, NoFreePort, RunFailed) as error:
            raise CommandError(str(error)) from error
