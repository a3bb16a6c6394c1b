"""`manage.py reseal`: encrypt stored secrets with the current SECRET_KEY, to remove earlier ones."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from deployments.common.models import encrypted_columns


class Command(BaseCommand):
    """Encrypt again the values that only a key of SECRET_KEY_FALLBACKS decrypts."""

    help = (
        "Encrypts the secrets in the database that only a key of SECRET_KEY_FALLBACKS opens with SECRET_KEY."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Encrypt, and print the result. Raise CommandError if there are values that no key decrypts."""
        found = encrypted_columns.encrypt_again()
        self.stdout.write(f"{found.old} encrypted again, {found.current} had the current key already.")
        if found.unreadable:
            raise CommandError(
                f"No key opens {found.unreadable} of them: add the key that they were encrypted with to "
                "SECRET_KEY_FALLBACKS and run this again, or enter the secrets again."
            )
