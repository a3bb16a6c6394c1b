"""The migrations keep all rows of the release."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.models.events import Event
from tests.builders import OPERATOR
from tests.upgrade import load
from tests.upgrade.dump import Dump

TAKEN_ALONG = ("auth_user", "deployments_deployment", "deployments_environment", "deployments_event")


def test_every_row_exists_after_the_migrations(dump: Dump, upgraded: None) -> None:
    left = {name: len(table.rows) for name, table in dump.tables.items() if name.startswith("deployments_")}
    found = {name: len(load.all_rows(name)) for name in left}

    assert found == left


def test_who_could_deploy_may_do_everything_but_approve(dump: Dump, upgraded: None) -> None:
    could = {row["user_id"] for row in dump.records("auth_user_user_permissions")}

    assert could
    for user in User.objects.filter(is_superuser=False):
        rights = {f"deployments.{one}" for one in OPERATOR} if user.pk in could else set()
        assert {right for right in Right if can(user, right)} == rights | {Right.VIEW}


def test_no_migration_is_missing(upgraded: None) -> None:
    call_command("migrate", check_unapplied=True, verbosity=0)
    connection.check_constraints()


def test_rows_keep_their_values(dump: Dump, upgraded: None) -> None:
    left = {row["id"]: row for row in dump.records("deployments_deployment")}

    for deployment in Deployment.objects.select_related("environment"):
        row = left[deployment.pk]
        assert (deployment.state, deployment.kind, deployment.last_phase) == (
            row["state"],
            row["kind"],
            row["last_phase"],
        )
        assert deployment.token.hex == row["token"]
        assert deployment.created_at.strftime("%Y-%m-%d %H:%M:%S") == row["created_at"][:19]
        assert Event.objects.of(deployment).count() == row["last_seq"]
    assert Environment.objects.exclude(latest=None).count() == Environment.objects.count()
    assert Account.objects.get(name="production").role_arn
