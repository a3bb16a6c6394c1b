"""Database routing: reads go to the reader endpoint, writes to the writer endpoint."""

from typing import Any

from django.db.models import Model

WRITER = "default"
READER = "reader"


class WriterAndReader:
    """Routes datelog's models only."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return READER if model._meta.app_label == "datelog" else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return WRITER if model._meta.app_label == "datelog" else None

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool | None:
        # Both endpoints lead to the same rows.
        return True if first._meta.app_label == second._meta.app_label == "datelog" else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == READER else None
