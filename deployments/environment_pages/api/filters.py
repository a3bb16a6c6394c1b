"""The filters of the list of environments: those of its page, and some that only programs use."""

from __future__ import annotations

from enum import StrEnum

from ninja import Schema
from pydantic import Field

from deployments.access.api.filters import Account, Label, Search, Set, Since, Until
from deployments.environment_pages.pages.environment_list import ENVIRONMENTS
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import EnvironmentQuerySet
from deployments.environments.rules.environment_state import EnvironmentState


class StateName(StrEnum):
    """What `state` has of an environment, the most urgent first: see `status`, which is more precise."""

    PROBLEM = "problem"
    CHANGING = "changing"
    DEPLOYED = "deployed"
    DELETED = "deleted"


class EnvironmentListFilter(Schema):
    """Which environments are listed."""

    q: Search = ""
    name: str | None = Field(None, max_length=60, description="Only those with this name.")
    account: Account = None
    status: EnvironmentState | None = Field(None, description="Only those with this status.")
    state: StateName | None = Field(
        None,
        json_schema_extra={"deprecated": True},
        description="Use `status`. Only those with this value of `state`.",
    )
    set: Set = None
    label: Label = None
    update: bool = Field(False, description="Only those with an update of their template set.")
    since: Since = None
    until: Until = None
    deleted: bool = Field(False, description="Also those that were deleted.")

    def rows(self, rows: EnvironmentQuerySet) -> EnvironmentQuerySet:
        """Keep the environments that match."""
        wants_deleted = self.state is StateName.DELETED or self.status is EnvironmentState.DELETED
        rows = ENVIRONMENTS.kept(rows, dict(self) | {"deleted": self.deleted or wants_deleted})
        rows = rows.of_urgency(Urgency[self.state.name]) if self.state else rows
        rows = rows.called(self.name) if self.name else rows
        return rows.created_within(self.since, self.until)
