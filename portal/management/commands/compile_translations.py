"""`manage.py compile_translations`: what Django's compilemessages does, without GNU gettext."""

from __future__ import annotations

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.translations import compile_catalogs


class Command(BaseCommand):
    help = "Compile the translation catalogs that were changed."

    def handle(self, *args: object, **options: object) -> None:
        compile_catalogs(settings.LOCALE_PATHS)
