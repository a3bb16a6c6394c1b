"""Mapping of an identity provider's groups to roles and teams."""

from __future__ import annotations

import pytest

from deployments.access.rules.roles import Role
from deployments.administration.rules.identity_groups import BadMapping, Membership, memberships

MAPPING = ["ops=operator", "a=b=viewer", "sre=admin", "sre=team:On call", "ops=team:Ops"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([], Membership()),
        (["unknown"], Membership()),
        (["ops"], Membership(frozenset({Role.OPERATOR}), frozenset({"Ops"}))),
        (["OPS"], Membership()),
        (["a=b"], Membership(frozenset({Role.VIEWER}))),
        (
            ["ops", "sre"],
            Membership(frozenset({Role.OPERATOR, Role.ADMIN}), frozenset({"On call", "Ops"})),
        ),
    ],
)
def test_groups_give_what_the_mapping_says(groups: list[str], expected: Membership) -> None:
    every_team = frozenset({"On call", "Ops"})

    assert memberships(groups, MAPPING) == expected | Membership(named=every_team)


@pytest.mark.parametrize("entry", ["ops", "=admin", "ops=", "ops=root", "ops=custom", "ops=Admin"])
def test_an_entry_that_cannot_be_read_is_refused(entry: str) -> None:
    with pytest.raises(BadMapping, match=entry):
        memberships([], [entry])
