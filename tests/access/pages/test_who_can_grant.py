"""The names of people and teams who can grant a right, or of superusers if there are none."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.access.models.grants import Grant, Label, ServiceAccount, Team
from deployments.access.pages.who_can_grant import who_can_grant
from deployments.environments.models.environments import Environment
from tests.builders import make_environment, make_grant, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment() -> Environment:
    found = make_environment("shop")
    Label.objects.create(environment=found, key="team", value="payments")
    return found


def give(name: str, **values: Any) -> None:
    make_grant(make_user(name), **({"role": "admin"} | values))


def test_those_whose_grants_are_about_it_are_named(environment: Environment) -> None:
    other = make_environment("other")
    give("everything")
    give("account", scope="account", account=environment.account)
    give("label", scope="label", label_key="team", label_value="payments")
    give("listed", role="custom", rights=["deployments.manage_access"])
    give("elsewhere", scope="environment", environment=other)
    give("deployer", role="deployer")
    give("approver", role="custom", rights=["deployments.approve_change"])

    assert who_can_grant(environment) == "account, everything, label, listed can grant it."
    assert who_can_grant(environment.account) == "account, everything, listed can grant it."
    assert who_can_grant(None) == "everything, listed can grant it."


def test_teams_are_named_after_people_and_programs_are_not(
    environment: Environment,
) -> None:
    team = Team.objects.create(name="Platform", key="platform")
    Grant.objects.create(team=team, role="admin", key="team admin")
    program = make_user("program")
    ServiceAccount.objects.create(user=program)
    make_grant(program, role="admin")
    give("ana")
    make_grant(make_user("gone", is_active=False), role="admin")

    assert who_can_grant(environment) == "ana, team Platform can grant it."


def test_at_most_five_are_named_and_superusers_if_there_is_nobody_else(environment: Environment) -> None:
    assert who_can_grant(environment) == "An administrator can grant it."
    make_user("root", is_superuser=True)
    assert who_can_grant(environment) == "root can grant it."
    for number in range(9):
        give(f"admin-{number}")
    assert who_can_grant(environment) == "admin-0, admin-1, admin-2, admin-3, admin-4 can grant it."
