from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0044_release_options'),
    ]

    operations = [
        migrations.AddField(
            model_name='sitereads',
            name='versions',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
