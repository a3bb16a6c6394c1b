from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0058_validation_evidence'),
    ]

    operations = [
        AddField(
            model_name='deployment',
            name='dismissed_by',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=150),
        ),
        AddField(
            model_name='deployment',
            name='dismissed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
