"""`manage.py compile_translations`: needed once after each update; needs no GNU gettext."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.translations import catalogs, compile_catalogs, faults


class Command(BaseCommand):
    help = "Check that the translation catalogs are complete, and compile them."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        found = [fault for source in catalogs(settings.LOCALE_PATHS) for fault in faults(source)]
        if found:
            raise CommandError("\n".join(found))
        compile_catalogs(settings.LOCALE_PATHS)
