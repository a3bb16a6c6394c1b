from django.db import migrations

import deployments.common.models.fields
from deployments.migrations._restartable import AddField


def fill(apps, schema_editor):
    """Teams with members by a provider's group are known to it by their present name."""
    Team = apps.get_model("deployments", "Team")
    for team in Team.objects.filter(memberships__source="oidc", mapped_key="").distinct():
        team.mapped_key = team.key
        team.save(update_fields=["mapped_key"])


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0048_invitation_grants'),
    ]

    operations = [
        AddField(
            model_name='team',
            name='mapped_key',
            field=deployments.common.models.fields.IdField(blank=True, db_default='', db_index=True, default='', editable=False, max_length=60),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
