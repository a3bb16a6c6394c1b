"""`manage.py create_language CODE` creates the translation catalogs of a language."""

from __future__ import annotations

from typing import Any

from babel.core import UnknownLocaleError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.extraction import COMMAND_LINE, create, create_of_the_command_line


class Command(BaseCommand):
    help = "Create the translation catalogs of a language, with all messages untranslated."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="the code of the language, such as fr")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            pages = create(options["code"], settings.LOCALE_PATHS[0])
            command_line = create_of_the_command_line(
                options["code"], settings.BASE_DIR / COMMAND_LINE / "locale"
            )
        except (UnknownLocaleError, ValueError, FileExistsError) as problem:
            raise CommandError(str(problem)) from problem
        for source in (pages, command_line):
            self.stdout.write(f"Created {source.relative_to(settings.BASE_DIR)}.")
        self.stdout.write("Translate their messages, and add the language as CONTRIBUTING.md says.")
