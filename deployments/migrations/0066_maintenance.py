import django.db.models.deletion
from django.db import migrations, models

import deployments.common.models.fields
from deployments.migrations._restartable import CreateModel

SOURCES = [
    ('stack', 'Stack'),
    ('targets', 'Targets'),
    ('associations', 'Associations'),
    ('fleet', 'Fleet'),
    ('database', 'Database'),
    ('backups', 'Backups'),
    ('maintenance', 'Maintenance'),
    ('site', 'Site'),
]


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0065_restore_drill'),
    ]

    operations = [
        migrations.AlterField(
            model_name='observation',
            name='source',
            field=models.CharField(choices=SOURCES, max_length=20, verbose_name='source'),
        ),
        migrations.AlterField(
            model_name='observer',
            name='source',
            field=models.CharField(choices=SOURCES, max_length=20, verbose_name='source'),
        ),
        CreateModel(
            name='DatabaseMaintenance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster_id', deployments.common.models.fields.IdField(max_length=100, verbose_name='cluster')),
                ('maintenance_window', models.CharField(blank=True, default='', max_length=30)),
                ('engine_version', models.CharField(blank=True, default='', max_length=60)),
                ('newer_versions', models.JSONField(null=True)),
                ('standard_support_ends_at', models.DateTimeField(null=True)),
                ('extended_support_ends_at', models.DateTimeField(null=True)),
                ('observed_at', models.DateTimeField()),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='maintenance',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('environment', 'cluster_id'), name='one_maintenance_per_cluster')
                ],
            },
        ),
        CreateModel(
            name='PendingMaintenance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster_id', deployments.common.models.fields.IdField(max_length=100, verbose_name='cluster')),
                (
                    'instance_id',
                    deployments.common.models.fields.IdField(
                        blank=True, default='', max_length=100, verbose_name='instance'
                    ),
                ),
                ('action', models.CharField(max_length=60)),
                ('description', models.TextField(blank=True, default='')),
                ('apply_after', models.DateTimeField(null=True)),
                ('forced_at', models.DateTimeField(null=True)),
                ('applies_at', models.DateTimeField(null=True)),
                ('opt_in', models.CharField(blank=True, default='', max_length=40)),
                ('observed_at', models.DateTimeField()),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='pending_maintenance',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(
                        fields=('environment', 'cluster_id', 'instance_id', 'action'),
                        name='one_row_per_pending_action',
                    )
                ],
            },
        ),
        CreateModel(
            name='DatabaseSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('arn', deployments.common.models.fields.IdField(max_length=255)),
                ('name', models.CharField(max_length=255)),
                (
                    'cluster_id',
                    deployments.common.models.fields.IdField(
                        blank=True, default='', max_length=100, verbose_name='cluster'
                    ),
                ),
                ('value_created_at', models.DateTimeField(null=True)),
                ('rotates', models.BooleanField(default=False)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('rotates_at', models.DateTimeField(null=True)),
                ('observed_at', models.DateTimeField()),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='database_secrets',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('environment', 'arn'), name='one_row_per_database_secret')
                ],
            },
        ),
    ]
