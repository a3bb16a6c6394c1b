"""What follows commit 1da0a0cb: the migrations `0047` to `0054`, which remain for databases that have some of them."""

from django.db import migrations, models

import deployments.common.models.fields
from deployments.migrations._restartable import AddField


def fill_invitations(apps, schema_editor):
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


def fill_teams(apps, schema_editor):
    """Teams with members by a provider's group are known to it by their present name."""
    Team = apps.get_model("deployments", "Team")
    for team in Team.objects.filter(memberships__source="oidc", mapped_key="").distinct():
        team.mapped_key = team.key
        team.save(update_fields=["mapped_key"])


class Migration(migrations.Migration):

    replaces = [
        ('deployments', '0047_request_fingerprints'),
        ('deployments', '0048_invitation_grants'),
        ('deployments', '0049_team_mapped_keys'),
        ('deployments', '0050_plans'),
        ('deployments', '0051_missing_paths'),
        ('deployments', '0052_account_roles'),
        ('deployments', '0053_connection_evidence'),
        ('deployments', '0054_trail'),
    ]

    dependencies = [
        ('deployments', '0046_deployments_by_end'),
    ]

    operations = [
        AddField(
            model_name='deployment',
            name='request_fingerprint',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=64),
        ),
        AddField(
            model_name='invitation',
            name='grants',
            field=models.JSONField(editable=False, null=True),
        ),
        AddField(
            model_name='team',
            name='mapped_key',
            field=deployments.common.models.fields.IdField(blank=True, db_default='', db_index=True, default='', editable=False, max_length=60),
        ),
        migrations.AlterField(
            model_name='deployment',
            name='operation',
            field=models.CharField(blank=True, choices=[('', ''), ('continue', 'Continue rollback'), ('take_over', 'Take over'), ('plan', 'Plan')], default='', editable=False, max_length=20),
        ),
        AddField(
            model_name='target',
            name='missing_path',
            field=models.JSONField(editable=False, null=True),
        ),
        AddField(
            model_name='target',
            name='path_read_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddField(
            model_name='account',
            name='roles_due_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddField(
            model_name='account',
            name='roles_need_boundary',
            field=models.BooleanField(editable=False, null=True),
        ),
        AddField(
            model_name='account',
            name='roles_read_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        AddField(
            model_name='account',
            name='roles_revision',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='actionrequest',
            name='kind',
            field=models.CharField(choices=[('run_association', 'Run association'), ('save_time', 'Run site check'), ('protect', 'Switch on deletion protection'), ('search_remaining', 'Search for remaining resources'), ('delete_remaining', 'Delete remaining resources'), ('search_trail', 'Search CloudTrail')], max_length=30, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='evidence',
            name='kind',
            field=models.CharField(choices=[('function_log', 'Function log'), ('association_output', 'Server configuration output'), ('target_reasons', 'Health check results'), ('scaling_activities', 'Scaling activities'), ('connections', 'Blocked connections'), ('trail', 'CloudTrail')], max_length=30, verbose_name='kind'),
        ),
        migrations.RunPython(fill_invitations, migrations.RunPython.noop),
        migrations.RunPython(fill_teams, migrations.RunPython.noop),
    ]
