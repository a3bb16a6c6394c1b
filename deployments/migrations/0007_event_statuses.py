from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0006_evidence'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['deployment', 'status'], name='event_statuses'),
        ),
    ]
