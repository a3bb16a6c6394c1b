"""Operations of migrations that can be interrupted and run again.

MariaDB commits each change of a table at once. What a killed `migrate` has done of a migration stays, and the
migration does not count as applied: the next `migrate` runs it from its start.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations


class AddField(migrations.AddField):
    """Adds a column and its index, each if an interrupted run has not added it. Not for relations."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Add what is missing."""
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.model_name)
        field, table = model._meta.get_field(self.name), model._meta.db_table
        with connection.cursor() as cursor:
            columns = {found.name for found in connection.introspection.get_table_description(cursor, table)}
            if field.column not in columns:
                super().database_forwards(app_label, schema_editor, from_state, to_state)
                return
            indexes = connection.introspection.get_constraints(cursor, table).values()
        if field.db_index and not any(found["columns"] == [field.column] for found in indexes):
            without_index = field.clone()
            without_index.db_index = False
            without_index.set_attributes_from_name(self.name)
            without_index.model = model
            schema_editor.alter_field(model, without_index, field)


class CreateModel(migrations.CreateModel):
    """Creates a table; one that an interrupted run left is created again, since nothing was written to it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Create the table with its indexes and constraints."""
        connection = schema_editor.connection
        model = to_state.apps.get_model(app_label, self.name)
        with connection.cursor() as cursor:
            exists = model._meta.db_table in connection.introspection.table_names(cursor)
        if exists:
            schema_editor.delete_model(model)
        super().database_forwards(app_label, schema_editor, from_state, to_state)
