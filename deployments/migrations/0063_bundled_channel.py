from django.db import migrations


def fill(apps, schema_editor):
    """Environments of the bundled set follow every new version, unless somebody has set their channel."""
    Environment = apps.get_model("deployments", "Environment")
    AuditRecord = apps.get_model("deployments", "AuditRecord")
    decided = AuditRecord.objects.filter(action="set_channel").exclude(environment=None)
    found = Environment.objects.filter(channel="", template_version__source__is_bundled=True, deleted_at=None)
    keys = set(found.values_list("pk", flat=True)) - set(decided.values_list("environment", flat=True))
    Environment.objects.filter(pk__in=keys, channel="").update(channel="*")


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0062_connection_test'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
