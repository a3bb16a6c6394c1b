from django.db import migrations, models

from deployments.migrations._restartable import AddField


def fill(apps, schema_editor):
    """Links that were sent before give the roles that their people have now."""
    Invitation = apps.get_model("deployments", "Invitation")
    Grant = apps.get_model("deployments", "Grant")
    for invitation in Invitation.objects.filter(grants__isnull=True).select_related("user"):
        held = Grant.objects.filter(
            models.Q(user=invitation.user_id) | models.Q(team__memberships__user=invitation.user_id)
        )
        found = set(held.order_by().values_list("pk", flat=True))
        invitation.grants = sorted(found | ({0} if invitation.user.is_superuser else set()))
        invitation.save(update_fields=["grants"])


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0047_request_fingerprints'),
    ]

    operations = [
        AddField(
            model_name='invitation',
            name='grants',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
