"""Previews of changes, and requests for approval, as the API returns them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Self

from ninja import Schema
from pydantic import Field

from deployments.access.api.schemas import AccountRef, OnFailure
from deployments.changes.api.schemas.assessments import AffectedTierOut, AssessmentOut, OutageOut
from deployments.changes.api.schemas.creation import CreateBody
from deployments.changes.approvers import approvers
from deployments.changes.models.approvals import Approval, policy_of
from deployments.changes.models.assessments import assessment_of, find_set, planned_stacks
from deployments.changes.models.snapshot_choices import databases_at_risk
from deployments.changes.pages.preview.cards import ReleaseCard, release_card
from deployments.changes.pages.preview.inputs import local_diff
from deployments.changes.pages.preview.texts import sentences
from deployments.changes.pages.preview.view import validation_warnings
from deployments.changes.rules.approvals import Policy
from deployments.cloudformation.change_summary import changed_values, may_lose_data
from deployments.cloudformation.changes import ChangedProperty, ChangedResource, Changes, Effect
from deployments.cloudformation.release_kind import Release
from deployments.cloudformation.server_associations import CAUGHT, CaughtServers
from deployments.common.errors import Message
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.cancel_effects import CancelEffect
from deployments.stacks.display.event_texts import CAUGHT_EVENTS, event
from deployments.stacks.models.events import Event
from deployments.template_sets.display.version_schemas import VersionRef
from deployments.template_sets.rules.local_diff import ParameterChange


class ValueOut(Schema):
    """A value of a resource before and after; null on the side that has none."""

    name: str = Field(examples=["InstanceType"])
    before: str | None = Field(
        description="What CloudFormation deployed last. A change directly in AWS, outside of the stack, is"
        " not in it: only CloudFormation's drift detection finds it.",
        examples=["t4g.micro"],
    )
    after: str | None = Field(examples=["t4g.small"])
    is_secret: bool = Field(description="Whether it comes from a NoEcho parameter: both are null.")
    is_known: bool = Field(description="False if CloudFormation knows it only after the change.")
    recreation: str = Field(
        description="Whether the change of this value replaces the resource.", examples=["Never"]
    )

    @classmethod
    def of(cls, detail: ChangedProperty) -> Self:
        """Return a detail of a change, as the page shows it."""
        hides, is_known = detail.is_secret, detail.is_known
        return cls(
            name=detail.label,
            before=None if hides else detail.before,
            after=None if hides or not is_known else detail.after,
            is_secret=hides,
            is_known=is_known,
            recreation=detail.recreation,
        )


class ParameterOut(Schema):
    """A parameter that changes; null on the side that does not have it."""

    name: str = Field(examples=["WebInstanceType"])
    before: str | None = Field(examples=["t4g.micro"])
    after: str | None = Field(examples=["t4g.small"])
    is_secret: bool = Field(description="A NoEcho parameter: its values are not shown.")

    @classmethod
    def of(cls, change: ParameterChange) -> Self:
        """Return a changed parameter."""
        hides = change.is_secret
        return cls(
            name=change.name,
            before=None if hides else change.before,
            after=None if hides else change.after,
            is_secret=hides,
        )


class OutsideOut(Schema):
    """A parameter whose value in AWS was set outside of Sanso."""

    name: str = Field(examples=["WebInstanceType"])
    deployed: str = Field(description="What Sanso deployed last.", examples=["t4g.micro"])
    now: str = Field(description="What AWS has.", examples=["t4g.large"])
    after: str = Field(description="What it has after the change.", examples=["t4g.micro"])


class ChangedOut(Schema):
    """What a change does to one resource."""

    path: str = Field(examples=["Web/Instances"])
    type: str = Field(examples=["AWS::AutoScaling::AutoScalingGroup"])
    action: str = Field(examples=["modify"])
    effect: str = Field(examples=["updated"])
    is_probably_unchanged: bool = Field(
        description="Listed for values that are not known yet and probably stay, or because it holds data."
    )
    replacement: str = Field(examples=["False"])
    was_replaced: bool | None = Field(
        description="Of an uncertain replacement, after the change: whether it happened. Otherwise null."
    )
    properties: list[str] = Field(description="The names of the properties that change.")
    values: list[ValueOut] = Field(description="The values that change, without those that probably stay.")

    @classmethod
    def of(cls, row: ChangedResource, was_replaced: bool | None) -> Self:
        """Return a changed resource."""
        return cls(
            path=row.path,
            type=row.type,
            action=row.action,
            effect=row.effect,
            is_probably_unchanged=row.effect == Effect.UNCHANGED or row.stays_probably,
            replacement=row.replacement,
            was_replaced=was_replaced,
            properties=list(dict.fromkeys(one.label for one in row.properties)),
            values=[ValueOut.of(one) for one in changed_values(row)],
        )


class ReleaseOut(Schema):
    """What a change does to running servers before its stacks change."""

    kind: str = Field(
        description="`none`, `code`, `disruptive` (each server is taken out of service) or `replacement`.",
        examples=["code"],
    )
    label: str = Field(description="Its name, in the request's language.", examples=["Code release"])
    text: str = Field(description="Why it has this kind, in the request's language.")
    steps: list[str] = Field(description="What happens to the servers, in the request's language.")
    servers: int | None = Field(description="How many servers it reaches, if that is known.", examples=[2])
    interrupts: bool = Field(description="Whether no server is in service for a while: an outage.")
    files: list[str] = Field(description="The first of the files that differ.", examples=[["views.py"]])

    @classmethod
    def of(cls, release: Release, card: ReleaseCard) -> Self:
        """Return a release. `card` is what its page says of it."""
        return cls(
            kind=release.kind,
            label=card.label,
            text=card.reason,
            steps=list(card.steps),
            servers=release.servers,
            interrupts=release.interrupts,
            files=list(release.files),
        )


class ApprovalOut(Schema):
    """A request for approval that waits."""

    requested_by: str = Field(examples=["ana"])
    expires_at: datetime
    needed: int = Field(description="How many people have to approve.", examples=[2])
    roles: list[str] = Field(description="The roles that each of them needs.", examples=[["approver"]])
    approved_by: list[str] = Field(description="Who has approved, and counts.", examples=[["ben"]])

    @classmethod
    def of(cls, row: Approval) -> Self:
        """Return a row with who requested it, what it needs and what it has."""
        environment = row.deployment.environment
        policy = policy_of(environment) or Policy()
        return cls(
            requested_by=row.requested_by.get_username(),
            expires_at=row.expires_at,
            needed=policy.approvals,
            roles=sorted(policy.roles),
            approved_by=[one.get_username() for one in approvers(row, policy, environment)],
        )


class CaughtOut(Schema):
    """An association and the servers of another environment that its tags match, too."""

    association: str = Field(description="Its path in its environment.", examples=["Configuration/Web"])
    tags: str = Field(examples=["Server=ApacheWeb"])
    is_own: bool = Field(
        description="Whether it is an association of this environment that matches servers of `environment`. "
        "If not, it is one of `environment` that matches the servers of this one."
    )
    environment: str = Field(description="Empty if it is not known, or may not be viewed.", examples=["shop"])
    servers: str = Field(
        description="The first of the servers: their ids, or the paths of what launches them.",
        examples=["i-0123456789abcdef0"],
    )
    count: int = Field(description="How many there are.", examples=[1])
    text: str = Field(description="All of it as a sentence, in the request's language.")

    @classmethod
    def of(cls, code: str, values: Mapping[str, Any]) -> Self:
        """Return what an event says, or what would be one."""
        return cls(
            association=values["association"],
            tags=values["tags"],
            is_own=code == CAUGHT,
            environment=values["environments"],
            servers=values["servers"],
            count=values["count"],
            text=CAUGHT_EVENTS[code](values),
        )

    @classmethod
    def of_deployment(cls, deployment: Deployment) -> list[Self]:
        """Return what the preflight of a deployment found."""
        events = Event.objects.of(deployment).with_code(*CAUGHT_EVENTS)
        return [cls.of(one.code, one.values) for one in events]


class ValidationOut(Schema):
    """What CloudFormation's validation warns about. Findings that fail the change set are in its error."""

    path: str = Field(description="The resource below the root stack.", examples=["Network/ElasticIp"])
    type: str = Field(examples=["AWS::EC2::EIP"])
    check: str = Field(
        description="CloudFormation's name of the check.", examples=["SERVICE_QUOTA_VALIDATION"]
    )
    property_path: str = Field(description="The path in the template, empty if there is none.")
    reason: str = Field(description="CloudFormation's reason.")
    text: str = Field(description="All of it as a sentence, in the request's language.")

    @classmethod
    def of_deployment(cls, deployment: Deployment) -> list[Self]:
        """Return the warnings about the current change set."""
        names = ("path", "type", "check", "property_path", "reason")
        return [
            cls(**{name: one.values[name] for name in names}, text=event(one))
            for one in validation_warnings(deployment)
        ]


class PreviewOut(Schema):
    """The preview of a change: complete in the state `preview`, and while it waits."""

    deployment: int = Field(examples=[12])
    state: str = Field(examples=["preview"])
    is_ready: bool = Field(description="Whether the changes are known.")
    digest: str = Field(description="Applied and approved with it.")
    counts: dict[str, int] = Field(examples=[{"updated": 2}])
    may_lose_data: bool = Field(description="Whether applying it needs the environment's name.")
    databases_at_risk: list[str] = Field(
        description="The clusters of which `snapshot_first` takes snapshots: their data is lost, or may be.",
        examples=[["sanso-shop-database-a1b2c3d4e5f6"]],
    )
    assessment: AssessmentOut
    outage: OutageOut
    tiers: list[AffectedTierOut] = Field(
        description="The stacks that change, and those whose servers get a release."
    )
    release: ReleaseOut | None = Field(description="Null if the template set declares no release.")
    parameters: list[ParameterOut] = Field(description="The parameters of the root stack that change.")
    outside: list[OutsideOut] = Field(description="The parameters that were set outside of Sanso.")
    outside_templates: list[str] = Field(
        description="The templates that were changed outside of Sanso, and that the change replaces."
    )
    caught: list[CaughtOut] = Field(
        description="Associations that would configure servers of another environment, of either side."
    )
    validation: list[ValidationOut] = Field(
        description="Warnings of CloudFormation about the change set, which can be applied all the same."
    )
    resources: list[ChangedOut]
    approval: ApprovalOut | None
    cancel_effect: str = Field(description="What canceling does now, empty if it cannot be canceled.")

    @classmethod
    def of(cls, row: Deployment, approval: Approval | None, effect: CancelEffect | Message) -> Self:
        """Return the preview of a row."""
        changes, template_set = Changes.from_json(row.changes), find_set(row)
        stacks, root = planned_stacks(row, template_set), row.environment.stack_name
        found = assessment_of(row, stacks)
        release, card = row.release, release_card(row.release, found.tiers)
        return cls(
            deployment=row.pk,
            state=row.state,
            is_ready=bool(row.preview_digest),
            digest=row.preview_digest,
            counts={str(name): number for name, number in found.counts.items()},
            may_lose_data=may_lose_data(changes),
            databases_at_risk=databases_at_risk(row),
            assessment=AssessmentOut.of(found),
            outage=OutageOut.of(found.outage),
            tiers=[AffectedTierOut.of(one, root, sentences(one, stacks)) for one in found.tiers],
            release=ReleaseOut.of(release, card) if release and card else None,
            parameters=[ParameterOut.of(one) for one in local_diff(row, template_set).parameters],
            outside=[OutsideOut.from_orm(one) for one in row.found.values if one.is_outside],
            outside_templates=list(row.found.undone),
            caught=CaughtOut.of_deployment(row),
            validation=ValidationOut.of_deployment(row),
            resources=[ChangedOut.of(one, row.replaced.get(one.path)) for one in changes.resources],
            approval=ApprovalOut.of(approval) if approval else None,
            cancel_effect="" if isinstance(effect, Message) else effect.value,
        )


class CheckedCreation(Schema):
    """What a creation would create, after everything that its request checks."""

    name: str = Field(examples=["shop"])
    account: AccountRef
    template_version: VersionRef | None
    parameters: dict[str, str] = Field(
        description="The values of all parameters, without secrets.", examples=[{"Size": "small"}]
    )
    labels: dict[str, str] = Field(examples=[{"team": "payments"}])
    on_failure: OnFailure
    requires_approval: bool
    scheduled_for: datetime | None
    reason: str
    caught: list[CaughtOut] = Field(
        description="Associations that would configure servers of another environment, of either side; "
        "as far as is known without calling AWS."
    )

    @classmethod
    def of(
        cls, row: Deployment, labels: dict[str, str], body: CreateBody, caught: Iterable[CaughtServers]
    ) -> Self:
        """Return the deployment that would be created, and what was asked of it."""
        version = row.template_version
        return cls(
            name=row.environment.name,
            account=AccountRef.of(row.environment.account),
            template_version=VersionRef.of(version) if version else None,
            parameters={name: str(value) for name, value in row.parameters.items()},
            labels=labels,
            on_failure=body.on_failure,
            requires_approval=body.requires_approval,
            scheduled_for=row.scheduled_for,
            reason=row.reason,
            caught=[CaughtOut.of(one.code, one.values) for one in caught],
        )
