from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0003_timeline'),
    ]

    operations = [
        migrations.AddField(
            model_name='event',
            name='repeat_of',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['deployment', 'repeat_of'], name='event_repeats'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['stack', 'logical_id'], name='event_of_a_resource'),
        ),
    ]
