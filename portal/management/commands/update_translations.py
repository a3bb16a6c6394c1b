"""`manage.py update_translations`: adds new messages to the catalogs, for translation."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from portal.extraction import update_all


class Command(BaseCommand):
    help = "Bring the messages in the translation catalogs up to date with the code and the templates."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        update_all()
