"""Environments as the API returns them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.keyset import Page
from deployments.access.api.schemas import AccountRef
from deployments.changes.models.approvals import policy_of
from deployments.environment_pages.api.filters import StateName
from deployments.environment_pages.display.last_failure import failed_change_of, line_of
from deployments.environment_pages.display.notes import NoteLine
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environment_states import Urgency
from deployments.environments.models.environments import Environment
from deployments.environments.rules.environment_state import EnvironmentState, Note
from deployments.locks.models import EnvironmentLock
from deployments.stacks.models.stacks import Stack
from deployments.template_sets.display.version_schemas import VersionRef


class LatestDeployment(Schema):
    """The deployment that changed an environment last, or is changing it."""

    id: int = Field(examples=[12])
    kind: str = Field(examples=["update"])
    state: str = Field(examples=["succeeded"])
    is_active: bool

    @classmethod
    def of(cls, row: Deployment) -> Self:
        """Return what a list has of a row."""
        return cls(id=row.pk, kind=row.kind, state=row.state, is_active=row.is_active)


class NoteOut(Schema):
    """What somebody should know first of an environment, as pages show it beside its status."""

    code: Note
    text: str = Field(
        description="In the request's language.", examples=["Last change failed; nothing changed"]
    )
    page: str = Field(description="The page that says more.", examples=["/deployments/12/"])

    @classmethod
    def of(cls, line: NoteLine | None) -> Self | None:
        """Return a note."""
        return cls(code=line.note, text=line.text, page=line.url) if line else None


class EnvironmentOut(Schema):
    """An environment as a list has it."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["shop"])
    status: EnvironmentState = Field(description="Its state, the same word as on pages and in filters.")
    note: NoteOut | None = Field(description="What somebody should know first, if anything.")
    state: StateName = Field(
        json_schema_extra={"deprecated": True},
        description="Use `status` and `note`. `problem`: a bad status, or a failed deployment or drill.",
    )
    account: AccountRef
    owner: str = Field(examples=["ana"])
    labels: dict[str, str] = Field(examples=[{"team": "payments"}])
    health: str = Field(
        json_schema_extra={"deprecated": True},
        description="Use `status`. What was observed last, also while a deployment is in progress.",
        examples=["healthy"],
    )
    stack_name: str = Field(examples=["sanso-shop"])
    stack_status: str = Field(examples=["UPDATE_COMPLETE"])
    site_url: str = Field(description="The address of its site, empty without one.")
    template_version: VersionRef | None
    latest_deployment: LatestDeployment | None
    created_at: datetime
    deleted_at: datetime | None
    page: str = Field(description="Its page in the portal.", examples=["/environments/3/"])

    @classmethod
    def of(cls, row: Any, note: NoteLine | None) -> EnvironmentOut:
        """Return a row of `for_list`, which has its `urgency`, with its note."""
        return EnvironmentOut(**_values(row, note))


class LockOut(Schema):
    """The lock of an environment that is in force."""

    owner: str = Field(examples=["ana"])
    reason: str = Field(examples=["Load test until noon"])
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, row: EnvironmentLock) -> Self:
        """Return a row."""
        return cls(
            owner=row.owner.get_username(),
            reason=row.reason,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


class LastFailure(Schema):
    """The last change of an environment, which failed, as its page says it."""

    deployment: int = Field(examples=[12])
    ended_at: datetime
    text: str = Field(
        description="What failed and why, in the request's language.",
        examples=["Last change failed; nothing changed. Update 12: The account's quota of VPCs is used up."],
    )
    dismissed_by: str = Field(description="Who dismissed it, empty for nobody.", examples=["ana"])
    dismissed_at: datetime | None

    @classmethod
    def of(cls, environment: Environment) -> Self | None:
        """Return the failure of an environment's last change; None if that did not fail."""
        failed = failed_change_of(environment)
        if failed is None:
            return None
        return cls(
            deployment=failed.pk,
            ended_at=failed.ended_at or failed.created_at,
            text=line_of(failed).text,
            dismissed_by=failed.dismissed_by,
            dismissed_at=failed.dismissed_at,
        )


class EnvironmentDetail(EnvironmentOut):
    """An environment with everything that its page shows of its row."""

    stack_id: str
    status_reason: str
    parameters: dict[str, str] = Field(
        description="The values of its parameters, without secrets.", examples=[{"Size": "small"}]
    )
    outputs: dict[str, str] = Field(
        description="Those of its root stack, none once that is gone.",
        examples=[{"SiteUrl": "http://shop.example.com"}],
    )
    channel: str = Field(description="The branches and tags that it follows, empty for none.")
    requires_approval: bool = Field(description="Whether it requires approval itself.")
    approvals: int = Field(description="How many its changes need, by it and by its labels. 0 for none.")
    approver_roles: list[str] = Field(
        description="The roles that each approver needs.", examples=[["approver"]]
    )
    is_protected: bool = Field(description="Whether something in it has deletion protection.")
    lock: LockOut | None
    last_failure: LastFailure | None = Field(
        default=None,
        description="That of its last change, also while it is dismissed; null once a later one succeeded.",
    )
    missing_since: datetime | None = Field(description="Since when its stack is missing in AWS.")
    changed_outside_at: datetime | None = Field(description="When it was changed outside of Sanso.")
    observed_at: datetime | None

    @classmethod
    def of_page(cls, row: Any, note: NoteLine | None, lock: EnvironmentLock | None) -> Self:
        """Return a row of `for_list`, with its note and its lock that is in force."""
        policy = policy_of(row)
        return cls(
            **_values(row, note),
            approvals=policy.approvals if policy else 0,
            approver_roles=sorted(policy.roles) if policy else [],
            stack_id=row.stack_id,
            status_reason=row.status_reason,
            parameters={name: str(value) for name, value in row.parameters.items()},
            outputs={} if row.is_gone else {name: str(value) for name, value in row.outputs.items()},
            channel=row.channel,
            requires_approval=row.requires_approval,
            is_protected=row.is_protected,
            lock=LockOut.of(lock) if lock else None,
            last_failure=LastFailure.of(row),
            missing_since=row.missing_since,
            changed_outside_at=row.changed_outside_at,
            observed_at=row.observed_at,
        )


def _values(row: Any, note: NoteLine | None) -> dict[str, Any]:
    environment: Environment = row
    version, latest = environment.template_version, environment.latest
    return {
        "id": environment.pk,
        "name": environment.name,
        "status": environment.state,
        "note": NoteOut.of(note),
        "state": StateName(Urgency(row.urgency).name.lower()),
        "account": AccountRef.of(environment.account),
        "owner": environment.owner.get_username(),
        "labels": {one.key: one.value for one in environment.labels.all()},
        "health": environment.health,
        "stack_name": environment.stack_name,
        "stack_status": environment.stack_status,
        "site_url": environment.url,
        "template_version": VersionRef.of(version) if version else None,
        "latest_deployment": LatestDeployment.of(latest) if latest else None,
        "created_at": environment.created_at,
        "deleted_at": environment.deleted_at,
        "page": environment.get_absolute_url(),
    }


class EnvironmentPage(Page[EnvironmentOut]):
    """A page of environments, the newest first."""


class StackOut(Schema):
    """A root or nested stack of an environment's latest deployment."""

    path: str = Field(description="The logical ids below the root, empty for the root.", examples=["Network"])
    name: str
    stack_id: str
    status: str = Field(examples=["CREATE_COMPLETE"])
    reason: str
    resources: int = Field(description="The number of its resources, without nested stacks.")
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> Self:
        """Return a row of `with_counts`."""
        stack: Stack = row
        return cls(
            path=stack.path,
            name=stack.name,
            stack_id=stack.stack_id,
            status=stack.status,
            reason=stack.reason,
            resources=row.resource_count,
            started_at=stack.started_at,
            ended_at=stack.ended_at,
        )


class StackList(Schema):
    """The stacks of an environment, parents first."""

    items: list[StackOut]
