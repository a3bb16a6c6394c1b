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
    ('metrics', 'Metrics'),
    ('site', 'Site'),
]


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0069_maintenance'),
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
            name='DatabaseMetrics',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster_id', deployments.common.models.fields.IdField(max_length=100)),
                ('start', models.DateTimeField()),
                ('writer_connections', models.FloatField(null=True)),
                ('reader_connections', models.FloatField(null=True)),
                ('replica_lag_ms', models.FloatField(null=True)),
                ('is_thinned', models.BooleanField(default=False)),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='database_metrics',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'indexes': [
                    models.Index(fields=['start'], name='metrics_by_time'),
                    models.Index(fields=['is_thinned', 'start'], name='metrics_to_thin'),
                ],
                'constraints': [
                    models.UniqueConstraint(
                        fields=('environment', 'cluster_id', 'start'), name='one_row_per_period_of_metrics'
                    )
                ],
            },
        ),
        CreateModel(
            name='DatabaseFailover',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster_id', deployments.common.models.fields.IdField(max_length=100)),
                ('at', models.DateTimeField()),
                ('writer_id', deployments.common.models.fields.IdField(max_length=100)),
                ('previous_writer_id', deployments.common.models.fields.IdField(max_length=100)),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='database_failovers',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'indexes': [models.Index(fields=['at'], name='failovers_by_time')],
            },
        ),
    ]
