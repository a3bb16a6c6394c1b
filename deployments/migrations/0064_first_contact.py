import django.db.models.deletion
from django.db import migrations, models

from deployments.migrations._restartable import CreateModel


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0063_bundled_channel'),
    ]

    operations = [
        CreateModel(
            name='ContactRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('active_key', models.PositiveBigIntegerField(null=True, unique=True)),
                ('tag', models.CharField(max_length=16, unique=True)),
                ('state', models.CharField(choices=[('running', 'In progress'), ('cleaning', 'Cleaning up'), ('finished', 'Finished')], default='running', max_length=10)),
                ('account_number', models.CharField(blank=True, default='', max_length=12)),
                ('bucket', models.CharField(blank=True, default='', max_length=63)),
                ('stopped_by', models.CharField(blank=True, default='', max_length=40)),
                ('left', models.JSONField(null=True)),
                ('process', models.CharField(blank=True, default='', max_length=200)),
                ('seen_at', models.DateTimeField()),
                ('began_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contact_runs', to='deployments.account')),
            ],
        ),
        CreateModel(
            name='ContactStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=20)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('active', 'In progress'), ('done', 'Succeeded'), ('failed', 'Failed'), ('not_run', 'Not run')], default='waiting', max_length=10)),
                ('answers', models.JSONField(blank=True, default=list)),
                ('calls', models.BinaryField(default=b'')),
                ('began_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='deployments.contactrun')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
    ]
