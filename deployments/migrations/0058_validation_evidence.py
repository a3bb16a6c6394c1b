from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0057_deployment_mode'),
    ]

    operations = [
        migrations.AlterField(
            model_name='evidence',
            name='kind',
            field=models.CharField(choices=[('function_log', 'Function log'), ('association_output', 'Server configuration output'), ('target_reasons', 'Health check results'), ('scaling_activities', 'Scaling activities'), ('connections', 'Blocked connections'), ('trail', 'CloudTrail'), ('validation', 'Validation and hooks')], max_length=30, verbose_name='kind'),
        ),
    ]
