"""Operation becomes ActionRequest. The table keeps its name: workers of the release before still write to it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deployments", "0009_recordings")]

    operations = [
        migrations.AlterModelTable("operation", "deployments_operation"),
        migrations.RenameModel("Operation", "ActionRequest"),
        migrations.AlterModelOptions(
            "actionrequest",
            {"verbose_name": "requested action", "verbose_name_plural": "requested actions"},
        ),
    ]
