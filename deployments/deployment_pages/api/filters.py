"""The filters of the list of deployments: those of its page, and some that only programs use."""

from __future__ import annotations

from enum import StrEnum

from ninja import Schema
from pydantic import Field

from deployments.access.api.filters import Account, Label, Search, Set, Since, Until
from deployments.access.api.keyset import MAX_KEY
from deployments.deployment_pages.pages.deployment_list import DEPLOYMENTS
from deployments.environments.models.deployment_queries import DeploymentQuerySet
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import Kind, State


class StatusName(StrEnum):
    """The statuses by which pages filter deployments."""

    ACTIVE = "active"
    WAITING = "waiting"
    PROBLEMS = "problems"


class DeploymentFilter(Schema):
    """Which deployments are listed."""

    q: Search = ""
    status: StatusName | None = Field(None, description="Only those with this status.")
    state: State | None = Field(None, description="Only those in this state.")
    kind: Kind | None = Field(None, description="Only those of this kind.")
    environment: int | None = Field(
        None, ge=1, le=MAX_KEY, description="Only those of the environment with this key."
    )
    name: str | None = Field(None, max_length=60, description="Only those of environments with this name.")
    account: Account = None
    set: Set = None
    label: Label = None
    since: Since = None
    until: Until = None

    def rows(self, rows: DeploymentQuerySet) -> DeploymentQuerySet:
        """Keep the deployments that match."""
        rows = DEPLOYMENTS.kept(rows, dict(self))
        rows = rows.without_recordings() if self.environment else rows
        rows = rows.in_state(self.state) if self.state else rows
        rows = rows.of_kind(self.kind) if self.kind else rows
        rows = rows.in_environments(Environment.objects.called(self.name)) if self.name else rows
        return rows.created_within(self.since, self.until)
