import django.db.models.deletion
from django.db import migrations, models

import deployments.common.models.fields
from deployments.migrations._restartable import AddField, CreateModel

SOURCES = [
    ('stack', 'Stack'),
    ('targets', 'Targets'),
    ('associations', 'Associations'),
    ('fleet', 'Fleet'),
    ('database', 'Database'),
    ('backups', 'Backups'),
    ('site', 'Site'),
]


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0060_logged_calls'),
    ]

    operations = [
        AddField(
            model_name='databasecluster',
            name='backup_retention_days',
            field=models.PositiveSmallIntegerField(editable=False, null=True),
        ),
        AddField(
            model_name='databasecluster',
            name='backup_window',
            field=models.CharField(blank=True, default='', editable=False, max_length=20),
        ),
        AddField(
            model_name='databasecluster',
            name='earliest_restorable_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddField(
            model_name='databasecluster',
            name='latest_restorable_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='actionrequest',
            name='kind',
            field=models.CharField(
                choices=[
                    ('run_association', 'Run association'),
                    ('save_time', 'Run site check'),
                    ('protect', 'Switch on deletion protection'),
                    ('take_snapshot', 'Take snapshot'),
                    ('search_remaining', 'Search for remaining resources'),
                    ('delete_remaining', 'Delete remaining resources'),
                    ('search_trail', 'Search CloudTrail'),
                ],
                max_length=30,
                verbose_name='kind',
            ),
        ),
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
            name='DatabaseSnapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cluster_id', deployments.common.models.fields.IdField(max_length=100, verbose_name='cluster')),
                ('snapshot_id', deployments.common.models.fields.IdField(max_length=255, verbose_name='snapshot')),
                (
                    'cause',
                    models.CharField(
                        choices=[
                            ('automated', 'Automated'),
                            ('final', 'Final, before the cluster was deleted'),
                            ('requested', 'Taken in Sanso'),
                            ('before_change', 'Taken before a change'),
                            ('manual', 'Manual, taken outside of Sanso'),
                        ],
                        max_length=20,
                        verbose_name='cause',
                    ),
                ),
                ('status', models.CharField(blank=True, default='', max_length=60, verbose_name='status')),
                ('progress', models.PositiveSmallIntegerField(default=0)),
                ('size', models.PositiveIntegerField(default=0, verbose_name='size')),
                ('created_at', models.DateTimeField(null=True, verbose_name='created')),
                ('observed_at', models.DateTimeField(verbose_name='observed')),
                (
                    'environment',
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name='snapshots',
                        to='deployments.environment',
                    ),
                ),
            ],
            options={
                'verbose_name': 'database snapshot',
                'verbose_name_plural': 'database snapshots',
                'constraints': [
                    models.UniqueConstraint(fields=('environment', 'snapshot_id'), name='one_row_per_snapshot')
                ],
            },
        ),
    ]
