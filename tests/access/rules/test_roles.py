"""Roles and grants: what they allow, and what they never allow."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployments.access.rules.roles import ROLES, About, Access, Granted, Right, Role, Scope, rights_of

RIGHTS = st.frozensets(st.sampled_from(list(Right)))
LABELS = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"))
GRANTS = st.builds(
    Granted,
    pk=st.integers(1, 9),
    rights=RIGHTS,
    scope=st.sampled_from(list(Scope)),
    account=st.integers(1, 2),
    environment=st.integers(1, 3),
    label=LABELS,
)
ABOUT = st.builds(
    About, account=st.integers(1, 2), environment=st.integers(1, 3), labels=st.frozensets(LABELS)
)


def granted(scope: Scope = Scope.EVERYTHING, role: Role = Role.DEPLOYER, **values: Any) -> Access:
    return Access(user=1, grants=(Granted(pk=1, rights=rights_of(role), scope=scope, **values),))


@given(st.lists(GRANTS, max_size=4), st.sampled_from(list(Right)), ABOUT)
def test_a_right_for_everything_is_one_for_each_thing(
    grants: list[Granted], right: Right, about: About
) -> None:
    access = Access(user=1, grants=tuple(grants))

    if access.may(right):
        assert access.may(right, about)
    if access.may(right, about):
        assert access.may_somewhere(right)
        assert access.may(Right.VIEW, about)  # every other right includes viewing


@given(st.lists(GRANTS, max_size=4), GRANTS, st.sampled_from(list(Right)), ABOUT)
def test_another_grant_never_takes_a_right_away(
    grants: list[Granted], more: Granted, right: Right, about: About
) -> None:
    if Access(user=1, grants=tuple(grants)).may(right, about):
        assert Access(user=1, grants=(*grants, more)).may(right, about)


def test_a_grant_for_an_account_is_about_its_environments_alone() -> None:
    access = granted(Scope.ACCOUNT, account=1)

    assert access.may(Right.CHANGE, About(account=1, environment=7))
    assert access.may(Right.CREATE, About(account=1))
    assert not access.may(Right.CHANGE, About(account=2, environment=8))
    assert not access.may(Right.CHANGE)


def test_a_grant_for_a_label_needs_its_key_and_its_value() -> None:
    access = granted(Scope.LABEL, label=("team", "payments"))

    assert access.may(Right.CHANGE, About(account=1, labels=frozenset({("team", "payments")})))
    assert not access.may(Right.CHANGE, About(account=1, labels=frozenset({("team", "search")})))
    assert not access.may(Right.CHANGE, About(account=1, labels=frozenset({("owner", "payments")})))
    assert not access.may(Right.CHANGE, About(account=1))


def test_a_grant_for_an_environment_is_about_no_other() -> None:
    access = granted(Scope.ENVIRONMENT, environment=7)

    assert access.may(Right.DELETE, About(account=1, environment=7))
    assert not access.may(Right.DELETE, About(account=1, environment=8))
    assert not access.may(Right.DELETE, About(account=1))


def test_nobody_but_an_admin_manages_access_by_role() -> None:
    for role, rights in ROLES.items():
        assert (Right.MANAGE_ACCESS in rights) == (role is Role.ADMIN)
    assert Right.APPROVE not in ROLES[Role.DEPLOYER]


def test_a_role_of_a_newer_release_gives_only_what_it_lists() -> None:
    assert rights_of("auditor", ["deployments.view_auditrecord"]) == {"deployments.view_auditrecord"}
    assert Access(user=1, grants=()).may_somewhere(Right.VIEW) is False
