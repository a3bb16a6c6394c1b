import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from deployments.migrations._restartable import CreateModel


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0064_first_contact'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModel(
            name='RestoreDrill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('active_key', models.PositiveBigIntegerField(null=True, unique=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('creating', 'Restoring'), ('checking', 'Checking'), ('deleting', 'Deleting the copy'), ('finished', 'Finished')], default='queued', max_length=10)),
                ('result', models.CharField(blank=True, choices=[('passed', 'Passed'), ('failed', 'Failed')], default='', max_length=10)),
                ('sentence', models.JSONField(blank=True, default=dict)),
                ('attention', models.JSONField(blank=True, default=dict)),
                ('cluster_id', models.CharField(max_length=100)),
                ('engine_version', models.CharField(blank=True, default='', max_length=60)),
                ('snapshot_id', models.CharField(blank=True, default='', max_length=255)),
                ('parameters', models.JSONField(blank=True, default=dict)),
                ('stack_id', models.CharField(blank=True, default='', max_length=255)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('began_at', models.DateTimeField(auto_now_add=True)),
                ('chosen_at', models.DateTimeField(null=True)),
                ('point_at', models.DateTimeField(null=True)),
                ('ready_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(db_index=True, null=True)),
                ('version', models.PositiveIntegerField(default=0)),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restore_drills', to='deployments.environment')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
