
from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0054_trail'),
    ]

    operations = [
        AddField(
            model_name='sitereads',
            name='missing_path',
            field=models.JSONField(editable=False, null=True),
        ),
        AddField(
            model_name='sitereads',
            name='path_read_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
