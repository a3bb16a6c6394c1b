from django.db import migrations, models

from deployments.migrations._restartable import AddField


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0067_drill_schedule'),
    ]

    operations = [
        AddField(
            model_name='contactrun',
            name='due_at',
            field=models.DateTimeField(db_index=True, null=True),
        ),
        AddField(
            model_name='contactrun',
            name='version',
            field=models.PositiveIntegerField(default=0),
        ),
        AddField(
            model_name='contactrun',
            name='requested_by',
            field=models.CharField(blank=True, default='', max_length=150),
        ),
        migrations.AlterField(
            model_name='contactrun',
            name='state',
            field=models.CharField(choices=[('queued', 'Queued'), ('running', 'In progress'), ('cleaning', 'Cleaning up'), ('finished', 'Finished')], default='running', max_length=10),
        ),
        migrations.AlterField(
            model_name='contactstep',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting'), ('active', 'In progress'), ('done', 'Succeeded'), ('failed', 'Failed'), ('canceled', 'Canceled'), ('not_run', 'Not run')], default='waiting', max_length=10),
        ),
    ]
