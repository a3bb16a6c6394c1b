"""Users give and remove only roles whose rights they have, and someone can always manage access."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access.commands.requesting import PermissionMissing
from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team, TeamMember
from deployments.access.models.permissions import can
from deployments.access.rules.roles import Right
from deployments.administration.commands import grants
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from tests.builders import forget_access, make_account, make_environment, make_grant, make_user

pytestmark = pytest.mark.django_db


def admin(**values: Any) -> User:
    return make_grant(make_user(), role="admin", **values)


def grant(subject: User | Team, role: str = "operator", **values: Any) -> Grant:
    whose = {"team": subject} if isinstance(subject, Team) else {"user": subject}
    return Grant(role=role, **whose, **values)


def team(name: str = "payments", *members: User) -> Team:
    row = Team.objects.create(name=name, key=Team.key_for(name))
    for member in members:
        TeamMember.objects.create(team=row, user=member)
    return row


def refusal(call: Any, **values: Any) -> Code:
    with pytest.raises(UserFixable) as refused:
        call(**values)
    return refused.value.message.code


def test_a_team_with_more_rights_than_ones_own_is_not_renamed() -> None:
    manager = make_grant(make_user(), role="custom", rights=[str(Right.MANAGE_ACCESS)])
    row = team("Admins")
    grants.give_role(user=admin(), grant=grant(row, "admin"))

    assert refusal(grants.save_team, user=manager, team=row, name="Payments", description="") == (
        Code.ROLE_NOT_YOURS
    )
    row.refresh_from_db()
    grants.save_team(user=manager, team=row, name="Admins", description="Everything")


def test_a_role_given_to_a_team_is_its_members_until_it_is_removed() -> None:
    environment, member, boss = make_environment(), make_user(), admin()
    payments = team("payments", member)
    given = grant(payments, scope="environment", environment=environment)

    grants.give_role(user=boss, grant=given)
    assert can(forget_access(member), Right.OPERATE, environment)
    assert refusal(
        grants.give_role, user=boss, grant=grant(payments, scope="environment", environment=environment)
    ) == (Code.ROLE_GIVEN_ALREADY)
    grants.remove_grant(user=boss, grant=given)

    assert not can(forget_access(member), Right.OPERATE, environment)
    records = AuditRecord.objects.filter(outcome="requested").order_by("pk")
    assert [(r.action, r.details["role"], r.environment) for r in records] == [
        ("give_role", "operator", environment),
        ("remove_role", "operator", environment),
    ]


def test_who_manages_one_account_gives_roles_there_only() -> None:
    ours, other = make_account(), make_account()
    boss, person = admin(scope="account", account=ours), make_user()

    grants.give_role(user=boss, grant=grant(person, "deployer", scope="account", account=ours))
    for elsewhere in (
        {"scope": "account", "account": other},
        {"scope": "everything"},
        {"scope": "label", "label_key": "team", "label_value": "a"},
        {"scope": "environment", "environment": make_environment(account=other)},
    ):
        with pytest.raises(PermissionMissing):
            grants.give_role(user=boss, grant=grant(person, **elsewhere))

    assert can(forget_access(person), Right.CHANGE, make_environment(account=ours))
    assert not can(person, Right.CHANGE, make_environment(account=other))


def test_nobody_gives_or_takes_rights_that_they_do_not_have() -> None:
    manager = make_grant(make_user(), role="custom", rights=[Right.MANAGE_ACCESS, Right.VIEW])
    boss = admin()
    admins = team("admins")
    grants.give_role(user=boss, grant=grant(admins, "admin"))

    assert refusal(grants.give_role, user=manager, grant=grant(manager, "deployer")) == Code.ROLE_NOT_YOURS
    assert refusal(grants.add_member, user=manager, team=admins, person=manager) == Code.ROLE_NOT_YOURS
    assert refusal(grants.remove_grant, user=manager, grant=Grant.objects.get(user=boss, role="admin")) == (
        Code.ROLE_NOT_YOURS
    )
    assert refusal(grants.set_active, user=manager, person=boss, active=False) == Code.ROLE_NOT_YOURS
    root = make_user(is_superuser=True)
    assert refusal(grants.set_active, user=boss, person=root, active=False) == Code.SUPERUSER_ONLY
    grants.give_role(
        user=manager, grant=grant(make_user(), "viewer", scope="account", account=make_account())
    )


def test_who_manages_a_label_gives_roles_for_it() -> None:
    mine = {"scope": "label", "label_key": "team", "label_value": "a"}
    boss = admin(**mine)

    grants.give_role(user=boss, grant=grant(make_user(), "operator", **mine))
    with pytest.raises(PermissionMissing):
        grants.give_role(user=boss, grant=grant(make_user(), "operator", **mine | {"label_value": "b"}))


def test_the_last_who_manages_access_stays() -> None:
    boss = admin()
    given = Grant.objects.get(user=boss, role="admin")

    assert refusal(grants.remove_grant, user=boss, grant=given) == Code.LAST_WAY_IN
    assert refusal(grants.set_active, user=boss, person=boss, active=False) == Code.LAST_WAY_IN
    boss.refresh_from_db()
    service = grants.add_service_account(user=boss, name="ci", description="")
    grants.give_role(user=boss, grant=grant(service.user, "admin"))
    assert (
        refusal(grants.remove_grant, user=boss, grant=Grant.objects.get(user=boss, role="admin"))
        == Code.LAST_WAY_IN
    )

    admins = team("admins", make_user())
    grants.give_role(user=boss, grant=grant(admins, "admin"))
    grants.remove_grant(user=boss, grant=Grant.objects.get(user=boss, role="admin"))
    assert not can(forget_access(boss), Right.MANAGE_ACCESS)


def test_teams_and_service_accounts_have_unique_names() -> None:
    boss = admin()
    first = Team()
    grants.save_team(user=boss, team=first, name="Payments", description="")
    grants.save_team(user=boss, team=first, name="Billing", description="Invoices")

    assert Team.objects.get().key == "billing"
    assert refusal(grants.save_team, user=boss, team=Team(), name="BILLING", description="") == (
        Code.TEAM_NAME_TAKEN
    )
    grants.add_service_account(user=boss, name="ci", description="")
    assert refusal(grants.add_service_account, user=boss, name="ci", description="") == Code.USERNAME_TAKEN
    assert refusal(grants.add_service_account, user=boss, name="c i", description="") == Code.USERNAME_INVALID
    assert not User.objects.get(username="ci").has_usable_password()
    with pytest.raises(PermissionMissing):
        grants.save_team(
            user=admin(scope="account", account=make_account()), team=Team(), name="x", description=""
        )
