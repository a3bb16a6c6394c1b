import deployments.models.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0042_durations_of_site_reads'),
    ]

    operations = [
        migrations.AddField(
            model_name='serverrelease',
            name='failed_server',
            field=deployments.models.fields.IdField(blank=True, default='', max_length=64, verbose_name='failed server'),
        ),
        migrations.AddField(
            model_name='serverrelease',
            name='failure',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='serverrelease',
            name='returning_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='goes back since'),
        ),
        migrations.AlterField(
            model_name='releaseserver',
            name='stage',
            field=models.CharField(choices=[('waiting', 'Waiting'), ('draining', 'Draining'), ('configuring', 'Configuring'), ('checking', 'Checking'), ('watching', 'Watching'), ('done', 'Done'), ('failed', 'Failed'), ('gone', 'Left the group'), ('returned', 'Went back'), ('not_reached', 'Not reached')], default='waiting', max_length=20, verbose_name='stage'),
        ),
    ]
