"""`manage.py create_audit_triggers`: the triggers that a migration could not create without the privilege."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import connection

from deployments.migrations import _audit_triggers


class Command(BaseCommand):
    """Create the triggers that keep audit records as they are."""

    help = "Create the triggers that refuse changes of audit records, after the privilege was granted."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create them again."""
        with connection.schema_editor() as schema_editor:
            _audit_triggers.create_triggers(apps, schema_editor)
