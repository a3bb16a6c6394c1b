"""Roles, teams, people and service accounts as the API returns and takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Self

from django.contrib.auth.models import User
from ninja import Schema
from pydantic import Field, StrictBool, StrictInt

from deployments.access.api.keyset import MAX_KEY, Page
from deployments.access.api.schemas import AccountRef, Body, EnvironmentRef
from deployments.access.models.grants import Grant, Team
from deployments.access.rules.roles import Right, Role, Scope
from deployments.administration.api.schemas.me import UserOut
from deployments.administration.pages.access_pages import MayRow


class TeamRef(Schema):
    """A team."""

    id: int = Field(examples=[5])
    name: str = Field(examples=["payments"])

    @classmethod
    def of(cls, row: Team) -> Self:
        """Return the reference to a row."""
        return cls(id=row.pk, name=row.name)


class TeamOut(TeamRef):
    """A team with its members."""

    description: str
    members: list[UserOut]

    @classmethod
    def of(cls, row: Team) -> Self:
        """Return a row."""
        members = [UserOut.of(one) for one in row.members.all()]
        return cls(id=row.pk, name=row.name, description=row.description, members=members)


class TeamPage(Page[TeamOut]):
    """A page of teams, the newest first."""


class GrantOut(Schema):
    """A role of a user or a team, for everything, an account, a label or an environment."""

    id: int = Field(examples=[8])
    user: UserOut | None
    team: TeamRef | None
    role: str = Field(examples=["deployer"])
    rights: list[str] = Field(description="The rights that it gives.", examples=[[Right.VIEW.value]])
    scope: str = Field(examples=["account"])
    account: AccountRef | None
    environment: EnvironmentRef | None
    label: str = Field(description="key=value, empty for other scopes.", examples=["team=payments"])
    granted_by: str | None = Field(examples=["ana"])
    source: str = Field(description="Empty if a person gave it.", examples=["oidc"])
    created_at: datetime

    @classmethod
    def of(cls, row: Grant) -> Self:
        """Return a row of `for_page`."""
        is_label = row.scope == Scope.LABEL
        return cls(
            id=row.pk,
            user=UserOut.of(row.user) if row.user else None,
            team=TeamRef.of(row.team) if row.team else None,
            role=row.role,
            rights=sorted(row.granted.rights),
            scope=row.scope,
            account=AccountRef.of(row.account) if row.account else None,
            environment=EnvironmentRef.of(row.environment) if row.environment else None,
            label=f"{row.label_key}={row.label_value}" if is_label else "",
            granted_by=row.granted_by.get_username() if row.granted_by else None,
            source=row.source,
            created_at=row.created_at,
        )


class GrantPage(Page[GrantOut]):
    """A page of given roles, the newest first. Those that the user may not see are left out of it."""


class PersonOut(UserOut):
    """A person or a service account."""

    is_active: bool = Field(description="Whether they may sign in and call the API.")
    is_service_account: bool
    is_superuser: bool
    description: str = Field(description="Of a service account.")
    teams: list[TeamRef]

    @classmethod
    def of(cls, row: User) -> Self:
        """Return a row with its teams."""
        account = getattr(row, "service_account", None)
        return cls(
            id=row.pk,
            username=row.get_username(),
            is_active=row.is_active,
            is_service_account=account is not None,
            is_superuser=row.is_superuser,
            description=account.description if account else "",
            teams=[TeamRef.of(one) for one in row.teams.all()],
        )


class PersonPage(Page[PersonOut]):
    """A page of people and service accounts, the newest first."""


class MayOut(Schema):
    """Somebody who has a role about something, and why, in the request's language."""

    user: UserOut
    role: str = Field(examples=["Deployer"])
    rights: str = Field(description="Of individual rights, their names.")
    why: str = Field(examples=["Account production, by the team payments"])

    @classmethod
    def of(cls, row: MayRow) -> Self:
        """Return a row."""
        return cls(user=UserOut.of(row.person), role=row.role, rights=row.rights, why=row.why)


class AccessOut(Schema):
    """Who may do what with an environment or in an account."""

    own_rights: list[str] = Field(description="The rights of the user of the request.")
    items: list[MayOut]

    @classmethod
    def of(cls, own: Iterable[tuple[str, object, bool]], rows: Iterable[MayRow]) -> Self:
        """Return who has which role."""
        return cls(
            own_rights=[str(right) for right, _name, has in own if has],
            items=[MayOut.of(row) for row in rows],
        )


class NamedBody(Body):
    """The name of a team or a service account, and what it is."""

    name: str = Field(max_length=60, examples=["payments"])
    description: str = Field(default="", max_length=200)


class MemberBody(Body):
    """Who becomes a member of a team."""

    person: str = Field(max_length=150, description="The user name.", examples=["ana"])


class ActiveBody(Body):
    """Whether somebody may sign in and call the API."""

    active: StrictBool


class GiveBody(Body):
    """Whom a role is given, which one, and for what. Either a person or a team is given."""

    person: str | None = Field(default=None, max_length=150, description="The user name.", examples=["ana"])
    team: StrictInt | None = Field(default=None, ge=1, le=MAX_KEY)
    role: Role
    rights: list[Right] = Field(
        default=[], max_length=len(Right), description="Of the role `custom`, which it gives."
    )
    scope: Scope
    account: StrictInt | None = Field(default=None, ge=1, le=MAX_KEY)
    label: str = Field(default="", max_length=110, examples=["team=payments"])
    environment: StrictInt | None = Field(default=None, ge=1, le=MAX_KEY)

    def values(self) -> dict[str, str | Sequence[str]]:
        """Return the values of the page's form."""
        given = self.model_dump(mode="json")
        return {
            name: value if isinstance(value, list) else str(value)
            for name, value in given.items()
            if value is not None
        }
