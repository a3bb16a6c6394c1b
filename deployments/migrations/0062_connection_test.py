import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from deployments.migrations._restartable import CreateModel


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0061_backups'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModel(
            name='ConnectionTest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'In progress'), ('finished', 'Finished')], default='queued', max_length=10)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('planned', models.PositiveIntegerField(default=0)),
                ('done', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('result', models.CharField(blank=True, choices=[('ok', 'Connected'), ('warning', 'Warning'), ('problem', 'Failed')], default='', max_length=10)),
                ('findings', models.JSONField(blank=True, default=list)),
                ('account_number', models.CharField(blank=True, default='', max_length=12)),
                ('tested_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(db_index=True, null=True)),
                ('version', models.PositiveIntegerField(default=0)),
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='connection_test', to='deployments.account')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
