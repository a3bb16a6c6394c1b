"""The groups of an identity provider as roles and teams: a pure function of the settings' mapping."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from deployments.access.rules.roles import Role

TEAM: Final = "team:"
"""The prefix of a team's name in the mapping."""


class BadMapping(ValueError):
    """Raised for a mapping entry that is not GROUP=ROLE or GROUP=team:NAME; the message contains it."""


@dataclass(frozen=True, slots=True)
class Membership:
    """The roles (for everything) and teams from groups. Grants of a team may have any scope.

    `named` are all teams of the mapping, also those of other groups.
    """

    roles: frozenset[Role] = frozenset()
    teams: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    def __or__(self, other: Membership) -> Membership:
        """Return the union of both."""
        return Membership(self.roles | other.roles, self.teams | other.teams, self.named | other.named)


def memberships(groups: Iterable[str], mapping: Sequence[str]) -> Membership:
    """Return the roles and teams of a member of these groups. Raise BadMapping."""
    of = set(groups)
    roles, teams, named = set(), set(), set()
    for entry in mapping:
        group, separator, gives = entry.rpartition("=")
        if not separator or not group or not gives:
            raise BadMapping(entry)
        if gives.startswith(TEAM):
            named.add(gives.removeprefix(TEAM))
            teams |= {gives.removeprefix(TEAM)} if group in of else set()
        elif gives in set(Role) - {Role.CUSTOM}:
            roles |= {Role(gives)} if group in of else set()
        else:
            raise BadMapping(entry)
    return Membership(frozenset(roles), frozenset(teams), frozenset(named))
