"""Deployments as the API returns them, and their events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.keyset import Page
from deployments.access.api.schemas import AccountRef, EnvironmentRef, StatusMessage
from deployments.changes.models.snapshot_choices import chosen_clusters
from deployments.cloudformation.schedule import PHASE
from deployments.cloudformation.status import DisplayStatus
from deployments.cloudformation.timeline import at_ms
from deployments.common.rules.plain_reason import plain_reason
from deployments.common.texts import stored_text
from deployments.deployment_pages.pages.waterfall.progress import is_slower_than_forecast
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import WAITS, Kind, State, phase_statuses
from deployments.failures.models import Evidence, trail_of, validation_of
from deployments.stacks.display import event_texts
from deployments.stacks.display.phases import phase_status
from deployments.stacks.models.events import Event, EventValues
from deployments.stacks.models.timeline import Timeline, TimelineRow
from deployments.template_sets.display.version_schemas import VersionRef


class DeploymentOut(Schema):
    """A deployment as a list has it."""

    id: int = Field(examples=[12])
    environment: EnvironmentRef
    account: AccountRef
    labels: dict[str, str] = Field(description="Of its environment.", examples=[{"team": "payments"}])
    kind: str = Field(examples=["update"])
    operation: str = Field(description="What it does beyond its kind, often empty.", examples=["continue"])
    state: str = Field(examples=["stacks"])
    phase: str = Field(description="The last phase that it came to.", examples=["stacks"])
    is_active: bool = Field(description="Whether it has not ended.")
    is_waiting: bool = Field(description="Whether it waits for a person, its time or its turn.")
    requested_by: str = Field(examples=["ana"])
    reason: str = Field(examples=["Larger servers"])
    progress: int = Field(
        description="Percent of its time, rollbacks not included. It never decreases: while"
        " `is_slower_than_forecast` of the deployment is true, it contradicts the expected end.",
        examples=[40],
    )
    last_seq: int = Field(description="The number of its last event.", examples=[57])
    error: StatusMessage | None
    attention: StatusMessage | None = Field(description="What somebody has to fix so that it goes on.")
    canceled: str = Field(description="Why it ended or ends before its goal, often empty.")
    created_at: datetime
    applied_at: datetime | None
    scheduled_for: datetime | None
    ended_at: datetime | None
    page: str = Field(description="Its page in the portal.", examples=["/deployments/12/"])

    @classmethod
    def of(cls, row: Deployment) -> DeploymentOut:
        """Return a row."""
        return DeploymentOut(**_values(row))


class TrailOut(Schema):
    """A call in CloudTrail that was denied, or that changed the resource that failed first."""

    at: datetime
    code: str = Field(
        description="trail_denied, trail_changed, or evidence_unreadable: the role may not read CloudTrail.",
        examples=["trail_denied"],
    )
    who: str = Field(
        description="The ARN of the caller, and with what it called.",
        examples=["arn:aws:iam::123456789012:user/ana (aws-cli/2.31)"],
    )
    action: str = Field(examples=["rds:CreateDBCluster"])
    text: str = Field(description="In the request's language.")

    @classmethod
    def of(cls, piece: Evidence) -> Self:
        """Return a stored call."""
        params = piece.problem.get("params") or {}
        return cls(
            at=piece.at,
            code=piece.problem.get("code", ""),
            who=params.get("who", ""),
            action=params.get("action", ""),
            text=stored_text(piece.problem),
        )


class FindingOut(Schema):
    """What stopped a stack and is not in its events: a validation or a hook that failed."""

    at: datetime
    code: str = Field(
        description="stopped_by_validation, stopped_by_hook, stopped_by_error, or evidence_unreadable: the"
        " role may not call DescribeEvents.",
        examples=["stopped_by_validation"],
    )
    path: str = Field(
        description="The resource below the root stack, empty for the root.", examples=["Logs/Bucket"]
    )
    type: str = Field(examples=["AWS::S3::Bucket"])
    check: str = Field(
        description="CloudFormation's name of the validation, the type of the hook, or the resource's"
        " status.",
        examples=["NAME_CONFLICT_VALIDATION"],
    )
    property_path: str = Field(description="The path in the template, empty if there is none.")
    reason: str = Field(description="CloudFormation's reason, or that of the hook.")
    text: str = Field(description="All of it as a sentence, in the request's language.")

    @classmethod
    def of(cls, piece: Evidence) -> Self:
        """Return a stored finding."""
        params = piece.problem.get("params") or {}
        names = ("path", "type", "check", "property_path", "reason")
        return cls(
            at=piece.at,
            code=piece.problem.get("code", ""),
            text=stored_text(piece.problem),
            **{name: params.get(name, "") for name in names},
        )


class DeploymentDetail(DeploymentOut):
    """A deployment with everything that its page shows of its row."""

    parameters: dict[str, str] = Field(description="Without secrets.", examples=[{"Size": "small"}])
    template_version: VersionRef | None
    template_digest: str
    applied_by: str | None
    canceled_by: str | None
    keep_on_failure: bool
    go_back: bool = Field(
        default=False, description="A release to servers goes back by itself if a server fails."
    )
    snapshot_first: list[str] = Field(
        default_factory=list,
        description="The database clusters that are saved by snapshots first.",
    )
    is_retry: bool
    rolls_back_to: int | None = Field(description="The earlier deployment that it goes back to.")
    preview_digest: str = Field(description="The digest of its preview, with which it is applied.")
    is_slower_than_forecast: bool = Field(
        default=False,
        description="Whether its forecast has grown since `progress` was computed: show that it is slower"
        " than forecast instead of the percentage.",
    )
    trail: list[TrailOut] = Field(
        default=[],
        description="Who or what denied or changed the resource that failed first, where Sanso's role may"
        " read CloudTrail; complete 15 minutes after the end.",
    )
    findings: list[FindingOut] = Field(
        default=[],
        description="What CloudFormation's validation or hooks reported when they stopped a stack, the one"
        " that explains the failure first; only what its events do not have.",
    )
    waiting_for: list[str] = Field(description="The conditions that are not met in the last phases.")
    blocked_connections: list[str] = Field(
        default=[],
        description="Connections that it needs and that no rule or route allows, read after its failure.",
        examples=[["i-0a1b cannot reach Systems Manager: route table rtb-0e has no route to 198.51.100.1."]],
    )
    ready_at: datetime | None
    polled_at: datetime | None
    dismissed_by: str = Field(
        default="", description="Who dismissed its failure, empty for nobody.", examples=["ana"]
    )
    dismissed_at: datetime | None = None

    @classmethod
    def of_page(cls, row: Deployment) -> Self:
        """Return a row with what it refers to."""
        version = row.template_version
        has_failed = row.state in (State.FAILED, State.ROLLED_BACK)
        pieces = list(Evidence.objects.of(row)) if has_failed else []
        return cls(
            **_values(row),
            parameters={name: str(value) for name, value in row.parameters.items()},
            template_version=VersionRef.of(version) if version else None,
            template_digest=row.template_digest,
            applied_by=row.applied_by.get_username() if row.applied_by else None,
            canceled_by=row.canceled_by.get_username() if row.canceled_by else None,
            keep_on_failure=row.keep_on_failure,
            go_back=bool(row.options.get("go_back")),
            snapshot_first=chosen_clusters(row),
            is_retry=row.is_retry,
            rolls_back_to=row.rolls_back_to_id,
            preview_digest=row.preview_digest,
            is_slower_than_forecast=is_slower_than_forecast(row),
            trail=[TrailOut.of(one) for one in trail_of(pieces)],
            findings=[FindingOut.of(one) for one in validation_of(pieces)],
            waiting_for=[stored_text(one) for one in row.waiting_for],
            blocked_connections=Evidence.objects.connections_of(row).splitlines(),
            ready_at=row.ready_at,
            polled_at=row.polled_at,
            dismissed_by=row.dismissed_by,
            dismissed_at=row.dismissed_at,
        )


def _values(row: Deployment) -> dict[str, Any]:
    return {
        "id": row.pk,
        "environment": EnvironmentRef.of(row.environment),
        "account": AccountRef.of(row.environment.account),
        "labels": {one.key: one.value for one in row.environment.labels.all()},
        "kind": row.kind,
        "operation": row.operation,
        "state": row.state,
        "phase": row.last_phase,
        "is_active": row.is_active,
        "is_waiting": State(row.state) in WAITS or row.state == State.PREVIEW,
        "requested_by": row.requested_by.get_username(),
        "reason": row.reason,
        "progress": 100 if row.state == State.SUCCEEDED else row.progress,
        "last_seq": row.last_seq,
        "error": StatusMessage.of(row.error_code, row.error_sentence, row.error_message),
        "attention": StatusMessage.of(row.attention_code, row.attention_sentence, row.attention),
        "canceled": row.cancel_code,
        "created_at": row.created_at,
        "applied_at": row.applied_at,
        "scheduled_for": row.scheduled_for,
        "ended_at": row.ended_at,
        "page": row.get_absolute_url(),
    }


class DeploymentPage(Page[DeploymentOut]):
    """A page of deployments, the newest first."""


class EventOut(Schema):
    """An event of CloudFormation, or of Sanso itself."""

    seq: int = Field(description="Numbered from 1 in each deployment, without gaps.", examples=[57])
    at: datetime
    source: str = Field(examples=["cloudformation"])
    stack: str | None = Field(description="The path of its stack, empty for the root.", examples=["Network"])
    logical_id: str = Field(examples=["Vpc"])
    physical_id: str = Field(examples=["vpc-0a1b2c3d"])
    type: str = Field(examples=["AWS::EC2::VPC"])
    status: str = Field(examples=["CREATE_COMPLETE"])
    reason: str
    plain_reason: str = Field(
        description="AWS's reason without the wrapping of CloudFormation's resource handlers and without"
        " request ids.",
        examples=["The specified bucket does not exist"],
    )
    code: str = Field(description="The code of one of Sanso's own events.", examples=["requested"])
    values: dict[str, Any] = Field(description="The values of its text.")
    text: str = Field(description="The text of one of Sanso's own events, in the request's language.")

    @classmethod
    def of(cls, event: EventValues) -> Self:
        """Return plain values of a row."""
        own = event.source == "portal"
        return cls(
            seq=event.seq,
            at=event.at,
            source=event.source,
            stack=event.path,
            logical_id=event.logical_id,
            physical_id=event.physical_id,
            type=event.type,
            status=event.status,
            reason=event.reason,
            plain_reason=plain_reason(event.reason),
            code=event.code,
            values=event.values,
            text=event_texts.event(Event(code=event.code, values=event.values)) if own else "",
        )


class EventPage(Page[EventOut]):
    """A page of events in the order of their numbers."""


class RowOut(Schema):
    """A stack, a resource or a phase (`@…`) of a deployment's timeline."""

    path: str = Field(
        description="The logical ids below the root, empty for the root.", examples=["Network/Vpc"]
    )
    type: str = Field(examples=["AWS::EC2::VPC"])
    status: str = Field(examples=["CREATE_IN_PROGRESS"])
    phase_status: str = Field(
        default="",
        description=(
            "The status of a phase, empty for stacks and resources: pending, waiting, in_progress, settling, "
            "done, failed, rolling_back, rolled_back, rollback_failed, canceled, not_run or attention."
        ),
        examples=["done"],
    )
    display_status: str = Field(
        default="",
        description=(
            "The status of a stack or resource that pages show, empty for phases: pending, in_progress, "
            "settling, done, failed, canceled, not_run, unchanged, remains, deleted, rolling_back, "
            "rolled_back or rollback_failed. After a rollback, `status` is that of the rollback."
        ),
        examples=["rolled_back"],
    )
    is_stack: bool
    started_at: datetime | None
    ended_at: datetime | None
    expected_start: datetime | None
    expected_end: datetime | None
    is_slow: bool = Field(description="Whether it takes longer than usual.")
    is_critical: bool = Field(description="Whether the end of the deployment depends on it.")

    @classmethod
    def of(cls, row: TimelineRow, phases: Mapping[str, str]) -> Self:
        """Return a row of a timeline; `phases` has the statuses of phases by their paths."""
        return cls(
            path=row.path,
            type=row.type,
            status=row.status,
            phase_status=phases.get(row.path, ""),
            display_status="" if row.path in phases else word_of(row.result.status),
            is_stack=row.is_stack,
            started_at=_time(row.span.start),
            ended_at=_time(row.span.end),
            expected_start=_time(row.expected.start) if row.expected else None,
            expected_end=_time(row.expected.end) if row.expected else None,
            is_slow=row.is_slow,
            is_critical=row.is_critical,
        )


def _time(ms: float | None) -> datetime | None:
    return None if ms is None else at_ms(ms)


class RowList(Schema):
    """The rows of a timeline, stacks before the resources in them."""

    items: list[RowOut]
    expected_end: datetime | None = Field(description="When the deployment is expected to end.")

    @classmethod
    def of(cls, deployment: Deployment, timeline: Timeline) -> Self:
        """Return the timeline of a deployment."""
        phases = _phases(deployment, timeline)
        rows = [RowOut.of(row, phases) for row in timeline.lines.values()]
        return cls(items=rows, expected_end=_time(timeline.forecast.end) if timeline.forecast else None)


def _phases(deployment: Deployment, timeline: Timeline) -> dict[str, str]:
    """Return the statuses of the phases by their paths, as the deployment's page shows them."""
    found = phase_statuses(
        Kind(deployment.kind),
        State(deployment.state),
        State(deployment.last_phase),
        optional=deployment.optional_phases,
        is_back=timeline.course.has_turned,
    )
    if deployment.operation == "take_over":
        found = found[:1]  # it reads the stack and ends
    shown = {phase: phase_status(deployment, phase, status) for phase, status in found}
    return {f"{PHASE}{phase.value}": word_of(status) for phase, status in shown.items()}


def word_of(status: DisplayStatus) -> str:
    """Return a status as the states of deployments are spelled."""
    return {DisplayStatus.CANCELLED: "canceled", DisplayStatus.PROGRESS: "in_progress"}.get(
        status, status.value.replace("-", "_")
    )
