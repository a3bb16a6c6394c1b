"""A text field for AWS's identifiers: compared by bytes on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField  # generic for type checkers only


class IdField(_CharField):
    """CharField whose unique keys distinguish `Web` and `web` on MySQL too, as on SQLite and in AWS.

    MySQL's default collation ignores case and accents, so that two logical ids could be equal.
    https://docs.djangoproject.com/en/5.2/ref/databases/#collation-settings
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the column type, with a binary collation on MySQL."""
        base = super().db_type(connection)
        if connection.vendor == "mysql" and base:
            return f"{base} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        return base
