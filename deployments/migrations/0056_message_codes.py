"""Sentences that rows stored before messages had codes get the codes that replace them."""

from django.db import migrations, models
from django.db.models.functions import Cast

from deployments.migrations._message_codes import with_codes

KEPT = {"auditrecord", "auditcut", "auditanchor", "idempotencykey"}
"""Audit records are not changed, and responses are stored as they were sent; neither has sentences."""


def write_codes(apps, schema_editor):
    """Rewrite each JSON value with a sentence, unless another process has changed it since."""
    for model in apps.get_app_config("deployments").get_models():
        if model._meta.model_name in KEPT:
            continue
        for field in model._meta.get_fields():
            if isinstance(field, models.JSONField):
                rows = model.objects.order_by("pk").annotate(as_text=Cast(field.name, models.TextField()))
                found = rows.filter(as_text__contains='"template"').values_list("pk", "as_text", field.name)
                for pk, text, value in found.iterator():
                    changed = with_codes(value)
                    if changed != value:
                        rows.filter(pk=pk, as_text=text).update(**{field.name: changed})


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0055_missing_paths_of_sites'),
    ]

    operations = [
        migrations.RunPython(write_codes, migrations.RunPython.noop),
    ]
