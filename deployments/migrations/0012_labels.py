"""Labels of fields and choices in the words of the pages; no table changes."""

import deployments.models.account
import deployments.models.fields
import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('deployments', '0011_secret_fingerprints'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='siteprobe',
            options={'verbose_name': 'site check', 'verbose_name_plural': 'site checks'},
        ),
        migrations.AlterField(
            model_name='account',
            name='artifact_bucket',
            field=models.CharField(blank=True, help_text='Leave empty for sanso-artifacts-ACCOUNT-REGION, which is created if it does not exist.', max_length=63, validators=[django.core.validators.RegexValidator('^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$', 'Enter a valid bucket name.')], verbose_name='artifact bucket'),
        ),
        migrations.AlterField(
            model_name='account',
            name='external_id',
            field=models.CharField(default=deployments.models.account.new_external_id, editable=False, max_length=64, verbose_name='external ID'),
        ),
        migrations.AlterField(
            model_name='account',
            name='region',
            field=models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('^[a-z]{2}(-[a-z]+)+-\\d$', 'Enter a region such as ap-northeast-1.')], verbose_name='region'),
        ),
        migrations.AlterField(
            model_name='account',
            name='role_arn',
            field=models.CharField(blank=True, help_text="Leave empty to use the portal's own credentials.", max_length=200, validators=[django.core.validators.RegexValidator('^arn:[\\w-]+:iam::\\d{12}:role/.+$', 'Enter the ARN of an IAM role.')], verbose_name='role to assume'),
        ),
        migrations.AlterField(
            model_name='account',
            name='service_role_arn',
            field=models.CharField(blank=True, help_text="The role that CloudFormation assumes. Leave empty to use the caller's permissions.", max_length=200, validators=[django.core.validators.RegexValidator('^arn:[\\w-]+:iam::\\d{12}:role/.+$', 'Enter the ARN of an IAM role.')], verbose_name='CloudFormation service role'),
        ),
        migrations.AlterField(
            model_name='actionrequest',
            name='created_at',
            field=models.DateTimeField(auto_now_add=True, verbose_name='requested'),
        ),
        migrations.AlterField(
            model_name='actionrequest',
            name='kind',
            field=models.CharField(choices=[('run_association', 'Run association'), ('save_time', 'Run site check')], max_length=30, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='actionrequest',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('done', 'Succeeded'), ('failed', 'Failed')], default='waiting', max_length=20, verbose_name='state'),
        ),
        migrations.AlterField(
            model_name='environment',
            name='stack_id',
            field=deployments.models.fields.IdField(blank=True, default='', max_length=255, verbose_name='stack ID'),
        ),
        migrations.AlterField(
            model_name='event',
            name='logical_id',
            field=models.CharField(blank=True, default='', max_length=255, verbose_name='logical ID'),
        ),
        migrations.AlterField(
            model_name='event',
            name='physical_id',
            field=models.TextField(blank=True, default='', verbose_name='physical ID'),
        ),
        migrations.AlterField(
            model_name='evidence',
            name='kind',
            field=models.CharField(choices=[('function_log', 'Function log'), ('association_output', 'Server configuration output'), ('target_reasons', 'Health check results'), ('scaling_activities', 'Scaling activities')], max_length=30, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='fleetinstance',
            name='gone_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='terminated'),
        ),
        migrations.AlterField(
            model_name='observation',
            name='attempted_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='last attempt'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='logical_id',
            field=deployments.models.fields.IdField(max_length=255, verbose_name='logical ID'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='physical_id',
            field=models.TextField(blank=True, default='', verbose_name='physical ID'),
        ),
        migrations.AlterField(
            model_name='scalingactivity',
            name='started_at',
            field=models.DateTimeField(verbose_name='started'),
        ),
        migrations.AlterField(
            model_name='stack',
            name='stack_id',
            field=deployments.models.fields.IdField(blank=True, db_index=True, default='', max_length=255, verbose_name='stack ID'),
        ),
    ]
