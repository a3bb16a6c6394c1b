"""`manage.py prepare`: prepares the data folder before the first page. Safe to run at every start."""

from __future__ import annotations

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from portal.first_login import ensure_first_login
from portal.translations import compile_catalogs


class Command(BaseCommand):
    help = "Migrate the tables, create the first login and the sandbox account, compile the translations."

    def handle(self, *args: object, **options: object) -> None:
        call_command("migrate", interactive=False, stdout=self.stdout)
        ensure_first_login(settings.DATA_DIR)
        call_command("ensure_sandbox_account", stdout=self.stdout)
        compile_catalogs(settings.LOCALE_PATHS)
