from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0056_message_codes'),
    ]

    operations = [
        AddField(
            model_name='environment',
            name='deployment_mode',
            field=models.CharField(blank=True, default='', editable=False, max_length=20),
        ),
    ]
