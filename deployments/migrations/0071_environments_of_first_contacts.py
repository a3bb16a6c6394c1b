from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0070_database_metrics'),
    ]

    operations = [
        AddField(
            model_name='environment',
            name='contact_tag',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=16),
        ),
    ]
