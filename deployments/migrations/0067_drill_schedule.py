import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0066_snapshot_first'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddField(
            model_name='environment',
            name='drill_failed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        AddField(
            model_name='environment',
            name='next_drill_at',
            field=models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='restoredrill',
            name='requested_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
