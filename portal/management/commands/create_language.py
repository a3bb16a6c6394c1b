"""`manage.py create_language CODE` creates the translation catalog of a language."""

from __future__ import annotations

from typing import Any

from babel.core import UnknownLocaleError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.extraction import create


class Command(BaseCommand):
    help = "Create the translation catalog of a language, with all messages untranslated."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="the code of the language, such as fr")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            source = create(options["code"], settings.LOCALE_PATHS[0])
        except (UnknownLocaleError, ValueError, FileExistsError) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            f"Created {source.relative_to(settings.BASE_DIR)}. Translate its messages, "
            "and add the language to LANGUAGES in portal/settings.py."
        )
