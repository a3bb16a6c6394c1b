from typing import Any

from django.db import migrations, models


def remember_runs(apps: Any, _editor: Any) -> None:
    """Keep for each environment of the sandbox which run of it the portal met last, before the upgrade."""
    environments = apps.get_model("deployments", "Environment").objects
    for account in apps.get_model("deployments", "Account").objects.filter(is_sandbox=True):
        run = str((account.sandbox_facts or {}).get("instance_id", ""))
        environments.filter(account=account, deleted_at=None).exclude(stack_id="").update(sandbox_run=run)


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0013_remaining_resources'),
    ]

    operations = [
        migrations.AddField(
            model_name='environment',
            name='missing_code',
            field=models.CharField(blank=True, default='', editable=False, max_length=40),
        ),
        migrations.AddField(
            model_name='environment',
            name='sandbox_run',
            field=models.CharField(blank=True, default='', editable=False, max_length=64),
        ),
        migrations.RunPython(remember_runs, migrations.RunPython.noop),
    ]
